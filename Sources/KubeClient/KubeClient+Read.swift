package import JSONTree
package import KubeModel
import NIOCore

extension KubeClient {
    /// How many objects a page of ``listAll(_:namespace:options:)`` holds, as in client-go and kube-rs.
    package static let pageSize = 500

    /// Reads one object.
    ///
    /// - Parameters:
    ///   - subresource: such as `scale` or `status`.
    ///   - metadataOnly: asks for `PartialObjectMetadata`; the answer still carries the object's own `apiVersion` and `kind`.
    ///   - timeout: `nil` is ``ClientConfiguration/requestTimeout``.
    package func get(
        _ resource: APIResource,
        namespace: String? = nil,
        name: String,
        subresource: String? = nil,
        metadataOnly: Bool = false,
        timeout: Duration? = nil
    ) async throws -> KubeObject {
        let request = APIRequest(
            path: try Self.path(resource, namespace: namespace, name: name, subresource: subresource),
            accept: metadataOnly ? Accept.metadata : Accept.plain,
            timeout: timeout,
            verb: "get",
            resource: Self.label(resource, subresource),
            isIdempotent: true
        )
        let response = try await self.transport.sendExpectingSuccess(request)
        var object = try Self.object(in: response, to: request)
        if metadataOnly { Self.name(&object, as: resource) }
        return object
    }

    /// Reads one page of a list; without ``ListOptions/limit`` that is all of it.
    ///
    /// - Parameter namespace: `nil` lists all namespaces.
    package func list(
        _ resource: APIResource,
        namespace: String? = nil,
        options: ListOptions = ListOptions()
    ) async throws -> ObjectList {
        var page = try await self.page(resource, namespace, options) { (cursor) throws(JSONError) in
            KubeObject(try cursor.readObjectTree())
        }
        for place in page.items.indices where options.metadataOnly || page.items[place].kind.isEmpty {
            Self.name(&page.items[place], as: resource)
        }
        return ObjectList(
            items: page.items,
            resourceVersion: page.resourceVersion,
            continueToken: page.continueToken,
            remainingItemCount: page.remainingItemCount
        )
    }

    /// Reads a whole list in pages (``ListOptions/limit``, 500 if unset). When the server forgot the snapshot the pages come
    /// from (410), the list starts again, up to twice.
    package func listAll(
        _ resource: APIResource,
        namespace: String? = nil,
        options: ListOptions = ListOptions()
    ) async throws -> ObjectList {
        var options = options
        options.limit = options.limit ?? Self.pageSize
        let first = options
        var restarts = 0
        var items: [KubeObject] = []
        while true {
            do {
                let page = try await self.list(resource, namespace: namespace, options: options)
                items.append(contentsOf: page.items)
                guard let token = page.continueToken else {
                    return ObjectList(items: items, resourceVersion: page.resourceVersion)
                }
                options.continueToken = token
                // The token stands for the version of the first page; the server refuses both together.
                options.resourceVersion = nil
                options.resourceVersionMatch = nil
            } catch let error as APIError where error.isGone && options.continueToken != nil && restarts < 2 {
                restarts += 1
                items.removeAll()
                options = first
            }
        }
    }

    /// Reads one page for a store: `item` reads each object from the bytes of the answer, so that no tree is built of it.
    ///
    /// - Parameter item: called once for each object, with the cursor at its `{`; must read or skip it whole. Objects of
    ///   built-in kinds carry no `apiVersion` and `kind` here.
    package func listPage<Item>(
        _ resource: APIResource,
        namespace: String?,
        options: ListOptions,
        item: (inout JSONCursor) throws(JSONError) -> Item
    ) async throws -> (items: [Item], resourceVersion: String, continueToken: String?) {
        let page = try await self.page(resource, namespace, options, item)
        return (page.items, page.resourceVersion, page.continueToken)
    }

    private struct Page<Item> {
        var items: [Item] = []
        var resourceVersion = ""
        var continueToken: String?
        var remainingItemCount: Int?
    }

    private func page<Item>(
        _ resource: APIResource,
        _ namespace: String?,
        _ options: ListOptions,
        _ item: (inout JSONCursor) throws(JSONError) -> Item
    ) async throws -> Page<Item> {
        let request = APIRequest(
            path: try Self.path(resource, namespace: namespace),
            query: options.query,
            accept: options.metadataOnly ? Accept.metadataList : Accept.plain,
            timeout: options.timeout,
            verb: "list",
            resource: resource.plural,
            isIdempotent: true
        )
        let response = try await self.transport.sendExpectingSuccess(request)
        let limits = JSONLimits(size: self.configuration.maximumResponseSize)
        do {
            return try JSONCursor.withCursor(over: response.body.readableBytesView, limits: limits) {
                (cursor) throws(JSONError) in
                try Self.readPage(&cursor, item)
            }
        } catch {
            throw Self.malformed(request, error)
        }
    }

    private static func readPage<Item>(
        _ cursor: inout JSONCursor,
        _ item: (inout JSONCursor) throws(JSONError) -> Item
    ) throws(JSONError) -> Page<Item> {
        var page = Page<Item>()
        try cursor.readObject { (key, cursor) throws(JSONError) in
            switch key {
            case "metadata":
                try cursor.readObject { (key, cursor) throws(JSONError) in
                    switch key {
                    case "resourceVersion": page.resourceVersion = try cursor.readStringIfPresent() ?? ""
                    case "continue":
                        let token = try cursor.readStringIfPresent()
                        page.continueToken = token?.isEmpty == false ? token : nil
                    case "remainingItemCount":
                        if try cursor.peek() == .number {
                            page.remainingItemCount = try cursor.readNumber().int
                        } else {
                            try cursor.skip()
                        }
                    default: try cursor.skip()
                    }
                }
            case "items":
                // Go writes an empty list that was never filled as null.
                if try cursor.peek() == .null {
                    try cursor.readNull()
                } else {
                    try cursor.readArray { (cursor) throws(JSONError) in page.items.append(try item(&cursor)) }
                }
            default: try cursor.skip()
            }
        }
        return page
    }

    // MARK: Reading answers

    /// The object of a successful answer.
    static func object(in response: APIResponse, to request: APIRequest) throws -> KubeObject {
        do {
            return try JSONCursor.withCursor(over: response.body.readableBytesView) { (cursor) throws(JSONError) in
                KubeObject(try cursor.readObjectTree())
            }
        } catch {
            throw Self.malformed(request, error)
        }
    }

    static func malformed(_ request: APIRequest, _ error: JSONError) -> KubeClientError {
        KubeClientError(
            .malformedResponse,
            "\(request.method) \(request.path): the answer is not what the API promises: \(error)",
            cause: error
        )
    }

    /// Gives an object the kind it was asked for by: in lists of built-in kinds it has none, and metadata alone comes as
    /// PartialObjectMetadata, which nobody wants to look up.
    private static func name(_ object: inout KubeObject, as resource: APIResource) {
        object.json.insert("kind", .string(resource.kind), at: 0)
        object.json.insert("apiVersion", .string(resource.apiVersion), at: 0)
    }
}

/// What forms of an answer we take, best first.
enum Accept {
    static let plain = "application/json"
    // A server that cannot cut an object down to its metadata sends all of it, which reads the same.
    static let metadata = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"
    static let metadataList = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"
}

extension ListOptions {
    var query: [(String, String)] {
        var query: [(String, String)] = []
        func add(_ name: String, _ value: String?) {
            if let value, !value.isEmpty { query.append((name, value)) }
        }
        add("labelSelector", self.labelSelector)
        add("fieldSelector", self.fieldSelector)
        add("limit", self.limit.map { String($0) })
        add("continue", self.continueToken)
        add("resourceVersion", self.resourceVersion)
        add("resourceVersionMatch", self.resourceVersionMatch?.rawValue)
        return query
    }
}
