import JSONTree
import Testing

@testable import CollectorVersions

struct ConversionReviewTests {
    private func answer(_ text: String, version: String = "v1") throws -> JSONObject {
        let review: JSONObject = [
            "apiVersion": .string("apiextensions.k8s.io/\(version)"), "kind": "ConversionReview",
            "request": .object(try object(text)),
        ]
        let answer = try ConversionReview(parsing: review.bytes()).answer
        return try #require(try JSONValue(parsing: answer).object)
    }

    @Test(arguments: ["v1", "v1beta1"])
    func convertsAll(_ version: String) throws {
        let answer = try self.answer(
            """
            uid: u-1
            desiredAPIVersion: opentelemetry.io/v1beta1
            objects:
              - {apiVersion: opentelemetry.io/v1alpha1, kind: OpenTelemetryCollector, metadata: {name: a, labels: {x: z}}, spec: {config: ""}}
              - {apiVersion: opentelemetry.io/v1beta1, kind: OpenTelemetryCollector, metadata: {name: b}, spec: {config: {}}}
              - {apiVersion: opentelemetry.io/v1alpha1, kind: OpenTelemetryCollectorList, metadata: {}, items: [{apiVersion: opentelemetry.io/v1alpha1, kind: OpenTelemetryCollector, spec: {config: ""}}]}
            """,
            version: version
        )
        #expect(answer[string: "apiVersion"] == "apiextensions.k8s.io/\(version)")
        #expect(answer[string: "kind"] == "ConversionReview")
        let response = try #require(answer[object: "response"])
        #expect(response[string: "uid"] == "u-1")
        #expect(response["result"]?["status"] == "Success")
        let objects = try #require(response[array: "convertedObjects"])
        #expect(objects.count == 3)
        #expect(objects.allSatisfy { $0["apiVersion"] == "opentelemetry.io/v1beta1" })
        #expect(objects[0]["metadata"] == ["name": "a", "labels": ["x": "z"]])
        #expect(objects[1]["spec"] == ["config": [:]])
        #expect(objects[2]["items"]?[0]?["spec"]?["config"]?["exporters"] == [:])
    }

    @Test(arguments: [
        ("{uid: u, desiredAPIVersion: opentelemetry.io/v2, objects: []}", "opentelemetry.io/v2"),
        ("{uid: u, objects: []}", "cannot convert to"),
        ("{uid: u, desiredAPIVersion: opentelemetry.io/v1beta1, objects: [{kind: Pod, apiVersion: v1}]}", "v1/Pod"),
        ("{uid: u, desiredAPIVersion: opentelemetry.io/v1beta1, objects: [7]}", "?/?"),
        (
            "{uid: u, desiredAPIVersion: opentelemetry.io/v1beta1, objects: [{kind: OpenTelemetryCollector, apiVersion: opentelemetry.io/v3}]}",
            "opentelemetry.io/v3"
        ),
    ])
    func refusals(_ request: String, _ part: String) throws {
        let response = try #require(try self.answer(request)[object: "response"])
        #expect(response[string: "uid"] == "u")
        #expect(response["result"]?["status"] == "Failure")
        #expect(response["result"]?["message"]?.string?.contains(part) == true)
        #expect(response[array: "convertedObjects"]?.isEmpty == true)
    }

    @Test(arguments: ["", "[]", "{}", "{\"request\": {}}", "{\"request\": {\"uid\": \"\"}}", "{\"request\": 7}"])
    func noReview(_ body: String) {
        #expect(throws: JSONError.self) { try ConversionReview(parsing: Array(body.utf8)) }
    }
}
