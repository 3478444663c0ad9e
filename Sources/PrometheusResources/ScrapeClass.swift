import JSONTree

/// What a scrape class adds to the jobs of the resources that name it, or, when it is the default one, that name none.
struct ScrapeClass {
    let field: Field
    let fallbackScrapeProtocol: String?

    /// The class that adds nothing.
    static let none = ScrapeClass(field: Field(path: "scrapeClass", json: [:]), fallbackScrapeProtocol: nil)

    private init(field: Field, fallbackScrapeProtocol: String?) {
        self.field = field
        self.fallbackScrapeProtocol = fallbackScrapeProtocol
    }

    private init(_ json: JSONObject, name: String) throws(Rejection) {
        self.field = Field(path: "scrape class \(name)", json: json)
        self.fallbackScrapeProtocol = try self.field.string("fallbackScrapeProtocol")
    }

    static func chosen(by name: String?, settings: ResourceSettings) throws(Rejection) -> ScrapeClass {
        if let name {
            guard let json = settings.scrapeClasses.first(where: { $0[string: "name"] == name }) else {
                let known = settings.scrapeClasses.compactMap { $0[string: "name"] }.joined(separator: ", ")
                throw Rejection(
                    .unknownScrapeClass,
                    "spec.scrapeClass: the allocator's configuration has no scrape class \"\(name)\""
                        + (known.isEmpty ? "; it has none at all" : "; it has \(known)")
                )
            }
            return try ScrapeClass(json, name: name)
        }
        guard let json = settings.scrapeClasses.first(where: { $0[bool: "default"] == true }) else { return .none }
        return try ScrapeClass(json, name: json[string: "name"] ?? "default")
    }
}
