import JSONTree
package import KubeModel
import NIOHTTP1

extension KubeClient {
    /// Creates an object, in the namespace that its metadata names.
    ///
    /// - Parameter subresource: such as `eviction` or `token`, of the object that the metadata names.
    /// - Returns: the object as the server stored it.
    @discardableResult
    package func create(
        _ object: KubeObject,
        _ resource: APIResource,
        subresource: String? = nil,
        options: WriteOptions = WriteOptions()
    ) async throws -> KubeObject {
        let namespace = object.metadata.namespace
        if resource.isNamespaced, namespace?.isEmpty ?? true {
            throw KubeClientError(.invalidRequest, "\(resource.kind) '\(object.name)' needs metadata.namespace")
        }
        return try await self.write(
            APIRequest(
                method: .POST,
                path: try Self.path(
                    resource,
                    namespace: namespace,
                    name: subresource == nil ? nil : object.name,
                    subresource: subresource
                ),
                query: options.query,
                body: object.json.bytes(),
                timeout: options.timeout,
                verb: "create",
                resource: Self.label(resource, subresource),
                isIdempotent: false
            )
        )
    }

    /// Replaces an object; with `metadata.resourceVersion` only that version of it.
    @discardableResult
    package func update(
        _ object: KubeObject,
        _ resource: APIResource,
        subresource: String? = nil,
        options: WriteOptions = WriteOptions()
    ) async throws -> KubeObject {
        try await self.write(
            APIRequest(
                method: .PUT,
                path: try Self.path(
                    resource,
                    namespace: object.metadata.namespace,
                    name: object.name,
                    subresource: subresource
                ),
                query: options.query,
                body: object.json.bytes(),
                timeout: options.timeout,
                verb: "update",
                resource: Self.label(resource, subresource),
                isIdempotent: true
            )
        )
    }

    /// Changes an object.
    @discardableResult
    package func patch(
        _ resource: APIResource,
        namespace: String? = nil,
        name: String,
        subresource: String? = nil,
        _ patch: PatchBody,
        options: WriteOptions = WriteOptions()
    ) async throws -> KubeObject {
        if case .apply = patch, options.fieldManager?.isEmpty ?? true {
            throw KubeClientError(
                .invalidRequest,
                "server-side apply of \(resource.kind) '\(name)' needs a field manager"
            )
        }
        return try await self.write(
            Self.patchRequest(
                try Self.path(resource, namespace: namespace, name: name, subresource: subresource),
                patch,
                query: options.query,
                options,
                Self.label(resource, subresource)
            )
        )
    }

    /// Server-side apply: the object then has these fields with these values, and `fieldManager` owns exactly them.
    ///
    /// - Parameters:
    ///   - object: the fields to own, with `apiVersion`, `kind` and `metadata.name`; no `managedFields`, no `status` (unless
    ///     that is the subresource), no `resourceVersion` unless a precondition is meant.
    ///   - force: take over fields that somebody else owns; without it those give a conflict whose ``APIError/causes`` name
    ///     them.
    @discardableResult
    package func apply(
        _ object: KubeObject,
        _ resource: APIResource,
        subresource: String? = nil,
        fieldManager: String,
        force: Bool = true,
        options: WriteOptions = WriteOptions()
    ) async throws -> KubeObject {
        guard !fieldManager.isEmpty else {
            throw KubeClientError(
                .invalidRequest,
                "server-side apply of \(resource.kind) '\(object.name)' needs a field manager"
            )
        }
        var options = options
        options.fieldManager = fieldManager
        return try await self.write(
            Self.patchRequest(
                try Self.path(
                    resource,
                    namespace: object.metadata.namespace,
                    name: object.name,
                    subresource: subresource
                ),
                .apply(object.json),
                query: options.query + (force ? [("force", "true")] : []),
                options,
                Self.label(resource, subresource)
            )
        )
    }

    /// Deletes an object. It may live on until its finalizers are gone.
    package func delete(
        _ resource: APIResource,
        namespace: String? = nil,
        name: String,
        options: DeleteOptions = DeleteOptions()
    ) async throws {
        let request = APIRequest(
            method: .DELETE,
            path: try Self.path(resource, namespace: namespace, name: name),
            body: options.body,
            timeout: options.timeout,
            verb: "delete",
            resource: resource.plural,
            isIdempotent: true
        )
        _ = try await self.transport.sendExpectingSuccess(request)
    }

    /// Deletes all objects of a kind in a namespace that match the selectors of `matching`.
    package func deleteCollection(
        _ resource: APIResource,
        namespace: String? = nil,
        matching: ListOptions = ListOptions(),
        options: DeleteOptions = DeleteOptions()
    ) async throws {
        if resource.isNamespaced, namespace?.isEmpty ?? true {
            throw KubeClientError(.invalidRequest, "deleting a collection of \(resource.kind) needs a namespace")
        }
        let request = APIRequest(
            method: .DELETE,
            path: try Self.path(resource, namespace: namespace),
            query: matching.query,
            body: options.body,
            timeout: options.timeout ?? matching.timeout,
            verb: "deletecollection",
            resource: resource.plural,
            isIdempotent: true
        )
        _ = try await self.transport.sendExpectingSuccess(request)
    }

    private func write(_ request: APIRequest) async throws -> KubeObject {
        let response = try await self.transport.sendExpectingSuccess(request)
        return try Self.object(in: response, to: request)
    }

    private static func patchRequest(
        _ path: String,
        _ patch: PatchBody,
        query: [(String, String)],
        _ options: WriteOptions,
        _ label: String
    ) -> APIRequest {
        let (body, contentType, verb): ([UInt8], String, String) =
            switch patch {
            case .json(let operations): (JSONValue.array(operations).bytes(), "application/json-patch+json", "patch")
            case .jsonBytes(let bytes): (bytes, "application/json-patch+json", "patch")
            case .merge(let object): (object.bytes(), "application/merge-patch+json", "patch")
            // JSON is YAML; servers before 1.35 know no other name for it.
            case .apply(let object): (object.bytes(), "application/apply-patch+yaml", "apply")
            }
        // A JSON patch may add to a list, which is not the same twice.
        let isIdempotent =
            switch patch {
            case .json, .jsonBytes: false
            case .merge, .apply: true
            }
        return APIRequest(
            method: .PATCH,
            path: path,
            query: query,
            body: body,
            contentType: contentType,
            timeout: options.timeout,
            verb: verb,
            resource: label,
            isIdempotent: isIdempotent
        )
    }
}

extension WriteOptions {
    var query: [(String, String)] {
        var query: [(String, String)] = []
        if self.dryRun { query.append(("dryRun", "All")) }
        if let fieldManager, !fieldManager.isEmpty { query.append(("fieldManager", fieldManager)) }
        if let fieldValidation { query.append(("fieldValidation", fieldValidation.rawValue)) }
        return query
    }
}

extension DeleteOptions {
    /// The DeleteOptions object, `nil` when all is as usual.
    var body: [UInt8]? {
        var json: JSONObject = ["apiVersion": "v1", "kind": "DeleteOptions"]
        let bare = json.count
        json[int: "gracePeriodSeconds"] = self.gracePeriodSeconds
        json[string: "propagationPolicy"] = self.propagation?.rawValue
        var preconditions: JSONObject = [:]
        preconditions[string: "uid"] = self.uid
        preconditions[string: "resourceVersion"] = self.resourceVersion
        if !preconditions.isEmpty { json["preconditions"] = .object(preconditions) }
        if self.dryRun { json["dryRun"] = ["All"] }
        return json.count == bare ? nil : json.bytes()
    }
}
