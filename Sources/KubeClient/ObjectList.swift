package import KubeModel

/// One page of a list, or all pages together.
package struct ObjectList: Sendable {
    /// Each with its `apiVersion` and `kind`, which the server leaves out for built-in kinds.
    package var items: [KubeObject]
    /// The version of the collection: where a watch continues.
    package var resourceVersion: String
    /// For the next page; `nil` after the last one.
    package var continueToken: String?
    /// How many objects lie behind this page, when the server knows (not with selectors).
    package var remainingItemCount: Int?

    package init(
        items: [KubeObject],
        resourceVersion: String,
        continueToken: String? = nil,
        remainingItemCount: Int? = nil
    ) {
        self.items = items
        self.resourceVersion = resourceVersion
        self.continueToken = continueToken
        self.remainingItemCount = remainingItemCount
    }
}
