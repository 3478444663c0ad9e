import JSONTree
import Testing
import YAMLTree

@testable import Rendering

struct ManagedFieldsTests {
    private func entries(_ text: String) throws -> [JSONValue] {
        try #require(try YAMLReader.document(in: Array(text.utf8)).array)
    }

    private func handedOver(_ text: String) throws -> [JSONValue]? {
        ManagedFields.handedOver(try self.entries(text), from: "manager", to: "swiftlet")
    }

    @Test func anUpdateBecomesAnApply() throws {
        let after = try self.handedOver(
            """
            - {manager: kubectl, operation: Update, apiVersion: v1, fieldsV1: {"f:metadata": {"f:labels": {"f:a": {}}}}}
            - {manager: manager, operation: Update, apiVersion: v1, time: t, fieldsV1: {"f:data": {".": {}, "f:x": {}}}}
            """
        )
        let wanted = try self.entries(
            """
            - {manager: kubectl, operation: Update, apiVersion: v1, fieldsV1: {"f:metadata": {"f:labels": {"f:a": {}}}}}
            - {manager: swiftlet, operation: Apply, apiVersion: v1, time: t, fieldsV1: {"f:data": {".": {}, "f:x": {}}}}
            """
        )
        #expect(after == wanted)
    }

    /// One entry for each manager: several of the old one and ours become one.
    @Test func severalBecomeOne() throws {
        let after = try #require(
            try self.handedOver(
                """
                - {manager: swiftlet, operation: Apply, apiVersion: apps/v1, fieldsV1: {"f:spec": {"f:replicas": {}}}}
                - {manager: manager, operation: Update, apiVersion: v1, fieldsV1: {"f:spec": {"f:a": {"f:b": {}}}}}
                - {manager: manager, operation: Update, apiVersion: v2, fieldsV1: {"f:spec": {"f:a": {"f:c": {}}}, "f:status": {"f:x": {}}}}
                """
            )
        )
        #expect(after.count == 1)
        #expect(after.first?["manager"] == "swiftlet")
        #expect(after.first?["apiVersion"] == "apps/v1")
        let wanted = try self.entries(#"[{"f:spec": {"f:a": {"f:b": {}, "f:c": {}}, "f:replicas": {}}}]"#)
        #expect(after.first?["fieldsV1"]?.bytes(.canonical) == wanted.first?.bytes(.canonical))
    }

    @Test(arguments: [
        "[]",
        "[{manager: swiftlet, operation: Apply, fieldsV1: {}}]",
        "[{manager: manager, operation: Apply, fieldsV1: {'f:data': {}}}]",
        "[{manager: manager, operation: Update, subresource: status, fieldsV1: {'f:status': {}}}]",
        "[{manager: manager, operation: Update, fieldsV1: {'f:status': {}}}]",
        "[{manager: manager, operation: Update}]",
        "[1, null, text]",
    ])
    func nothingToHandOver(_ text: String) throws {
        #expect(try self.handedOver(text) == nil)
    }
}
