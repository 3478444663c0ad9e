import PrometheusModel
import TargetDiscovery
import Testing

struct DNSAnswerTests {
    @Test func service() {
        let group = DNSRecord.targetGroup(
            name: "_web._tcp.example.com",
            records: [.service(target: "a.example.com.", port: 8080)],
            port: 0
        )
        #expect(group.source == "_web._tcp.example.com")
        #expect(group.labels.isEmpty)
        #expect(
            group.targets == [
                [
                    Label(name: "__address__", value: "a.example.com:8080"),
                    Label(name: "__meta_dns_name", value: "_web._tcp.example.com"),
                    Label(name: "__meta_dns_srv_record_port", value: "8080"),
                    Label(name: "__meta_dns_srv_record_target", value: "a.example.com."),
                ]
            ]
        )
    }

    @Test(arguments: [
        (DNSRecord.address("10.0.0.1"), "10.0.0.1:80", nil),
        (.address("2001:db8::1"), "[2001:db8::1]:80", nil),
        (.mailExchange("mx.example.com."), "mx.example.com:80", "__meta_dns_mx_record_target"),
        (.nameServer("ns.example.com."), "ns.example.com:80", "__meta_dns_ns_record_target"),
    ]) func others(_ record: DNSRecord, _ address: String, _ label: String?) {
        let target = DNSRecord.targetGroup(name: "n", records: [record], port: 80).targets[0]
        #expect(target.first { $0.name == "__address__" }?.value == address)
        #expect(Set(target.map(\.name)) == Set(["__address__", "__meta_dns_name"] + (label.map { [$0] } ?? [])))
    }

    @Test(arguments: [
        ("a.", ["a."]), ("a", ["a.ns.svc.", "a.svc.", "a."]), ("a.b", ["a.b.", "a.b.ns.svc.", "a.b.svc."]),
    ]) func search(_ name: String, _ candidates: [String]) {
        #expect(DNSSearch(domains: ["ns.svc", "svc."], dots: 1).candidates(for: name) == candidates)
        #expect(DNSSearch(domains: [], dots: 5).candidates(for: "a.b") == ["a.b."])
        #expect(DNSSearch(domains: ["s"], dots: 5).candidates(for: "a.b") == ["a.b.s.", "a.b."])
    }
}
