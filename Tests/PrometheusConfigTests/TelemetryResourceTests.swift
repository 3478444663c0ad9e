import PrometheusConfig
import Testing

struct TelemetryResourceTests {
    @Test(
        arguments: [
            ([:], "service.instance.id=h;service.name=target-allocator"),
            (["OTEL_SERVICE_NAME": "x"], "service.instance.id=h;service.name=x"),
            (["OTEL_SERVICE_NAME": ""], "service.instance.id=h;service.name=target-allocator"),
            (
                ["OTEL_RESOURCE_ATTRIBUTES": "service.name=y, a = b%2Cc ,broken,=z,service.instance.id=i,p=50%"],
                "a=b,c;p=50%;service.instance.id=i;service.name=y"
            ),
            (
                ["OTEL_RESOURCE_ATTRIBUTES": "service.name=y", "OTEL_SERVICE_NAME": "x"],
                "service.instance.id=h;service.name=x"
            ),
            (["OTEL_RESOURCE_ATTRIBUTES": "a=%FF"], "a=%FF;service.instance.id=h;service.name=target-allocator"),
        ] as [([String: String], String)]
    )
    func attributes(_ environment: [String: String], _ expected: String) {
        let attributes = TelemetryResource.attributes(environment: environment, hostName: "h")
        #expect(attributes.map { "\($0.name)=\($0.value)" }.joined(separator: ";") == expected)
    }
}
