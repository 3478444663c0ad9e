import AdmissionServer

/// A page in the making. Whatever is put in as text is escaped.
struct HTMLPage {
    private var body = ""
    let title: String

    init(_ title: String) { self.title = title }

    static func escaped(_ text: String) -> String {
        guard text.utf8.contains(where: { "&<>\"'".utf8.contains($0) }) else { return text }
        var result = ""
        for character in text.unicodeScalars {
            switch character {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            default: result.unicodeScalars.append(character)
            }
        }
        return result
    }

    /// A cell's or paragraph's content.
    struct Content: ExpressibleByStringLiteral {
        var html: String
        var isNumber = false

        private init(html: String, isNumber: Bool = false) {
            self.html = html
            self.isNumber = isNumber
        }

        init(stringLiteral text: String) { self.init(html: HTMLPage.escaped(text)) }

        static func text(_ text: String) -> Content { Content(html: HTMLPage.escaped(text)) }
        static func number(_ number: Int) -> Content { Content(html: "\(number)", isNumber: true) }
        static func code(_ text: String) -> Content { Content(html: "<code>\(HTMLPage.escaped(text))</code>") }
        static func link(_ text: String, _ address: String) -> Content {
            Content(html: "<a href=\"\(HTMLPage.escaped(address))\">\(HTMLPage.escaped(text))</a>")
        }
        static func number(_ number: Int, _ address: String) -> Content {
            var content = Self.link("\(number)", address)
            content.isNumber = true
            return content
        }
    }

    mutating func heading(_ text: String) { self.body += "<h2>\(Self.escaped(text))</h2>\n" }

    mutating func paragraph(_ parts: Content...) { self.body += "<p>\(parts.map(\.html).joined())</p>\n" }

    mutating func preformatted(_ text: String) { self.body += "<pre>\(Self.escaped(text))</pre>\n" }

    mutating func table(_ head: [String], _ rows: [[Content]], empty: String = "none") {
        guard !rows.isEmpty else { return self.body += "<p class=\"none\">\(Self.escaped(empty))</p>\n" }
        self.body += "<div class=\"wide\"><table><thead><tr>"
        for cell in head { self.body += "<th>\(Self.escaped(cell))</th>" }
        self.body += "</tr></thead><tbody>\n"
        for row in rows {
            self.body += "<tr>"
            for cell in row { self.body += "<td\(cell.isNumber ? " class=\"n\"" : "")>\(cell.html)</td>" }
            self.body += "</tr>\n"
        }
        self.body += "</tbody></table></div>\n"
    }

    func response(status: Int = 200) -> ServerResponse {
        let html = """
            <!doctype html>
            <html lang="en"><head><meta charset="utf-8"><title>\(Self.escaped(self.title)) - target allocator</title>
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <link rel="stylesheet" href="/debug/style.css"></head><body>
            <nav><a href="/">overview</a> <a href="/debug/jobs">jobs</a> <a href="/debug/targets">targets</a>
            <a href="/debug/unassigned">unassigned</a> <a href="/debug/scrape_configs">scrape configurations</a>
            <a href="/metrics">metrics</a></nav>
            <h1>\(Self.escaped(self.title))</h1>
            \(self.body)</body></html>

            """
        return ServerResponse(
            status: status,
            contentType: "text/html; charset=utf-8",
            body: .bytes(Array(html.utf8)),
            headers: Self.headers + [("cache-control", "no-store")]
        )
    }

    /// Nothing but the style sheet is loaded, nothing runs, nobody frames it.
    private static let headers = [
        ("x-content-type-options", "nosniff"), ("referrer-policy", "no-referrer"),
        (
            "content-security-policy",
            "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        ),
    ]

    static let style = ServerResponse(
        contentType: "text/css; charset=utf-8",
        body: .bytes(
            Array(
                """
                :root{color-scheme:light dark}
                body{font:16px/1.45 system-ui,sans-serif;margin:0 auto;padding:1rem;max-width:75rem;overflow-wrap:anywhere}
                nav a{margin-right:.8rem;white-space:nowrap}
                h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}
                .wide{overflow-x:auto}
                table{border-collapse:collapse;width:100%}
                th,td{text-align:left;vertical-align:top;padding:.25rem .6rem;border-bottom:1px solid #8885}
                td.n{text-align:right;font-variant-numeric:tabular-nums}
                code,pre{font-size:.9em}pre{overflow-x:auto;background:#8882;padding:.6rem}
                .none{opacity:.7}

                """.utf8
            )
        ),
        headers: [("x-content-type-options", "nosniff"), ("cache-control", "max-age=3600")]
    )
}
