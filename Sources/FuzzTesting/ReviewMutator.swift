import JSONTree

/// Changes documents: values and members where they lie, and bytes wherever.
package struct ReviewMutator: Sendable {
    /// A document with the places of its values.
    package struct Document: Sendable {
        package let bytes: [UInt8]
        let spans: [JSONSpans.Span]

        /// `nil` for what is no JSON.
        package init?(_ bytes: [UInt8]) {
            guard let found = JSONSpans(bytes) else { return nil }
            self.bytes = bytes
            self.spans = found.spans
        }
    }

    /// No body is larger: beyond, the server answers without reading it.
    package static let sizeLimit = 8 << 20

    /// Documents from which parts are taken.
    private let donors: [Document]

    package init(donors: [Document]) { self.donors = donors }

    package func mutated(_ document: Document, _ random: inout SeededRandom) -> [UInt8] {
        if random.oneIn(64) { return document.bytes }
        var bytes = document.bytes
        let touchesBytes = random.oneIn(6)
        if !touchesBytes || random.oneIn(4) {
            bytes = self.edited(document, 1 + random.below(random.oneIn(4) ? 12 : 4), &random)
        }
        if touchesBytes { for _ in 0...random.below(3) { self.scramble(&bytes, &random) } }
        if bytes.count > Self.sizeLimit { bytes.removeLast(bytes.count - Self.sizeLimit) }
        return bytes
    }

    // MARK: Values and members

    private struct Edit {
        var range: Range<Int>
        var bytes: [UInt8]
    }

    private func edited(_ document: Document, _ count: Int, _ random: inout SeededRandom) -> [UInt8] {
        var edits = (0..<count).map { _ in self.edit(document, &random) }
        edits.sort { ($0.range.lowerBound, $0.range.upperBound) < ($1.range.lowerBound, $1.range.upperBound) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(document.bytes.count + edits.reduce(0) { $0 + $1.bytes.count })
        var done = 0
        // What lies within something that was changed already is left out.
        for edit in edits where edit.range.lowerBound >= done {
            bytes += document.bytes[done..<edit.range.lowerBound]
            bytes += edit.bytes
            done = edit.range.upperBound
        }
        return bytes + document.bytes[done...]
    }

    private func edit(_ document: Document, _ random: inout SeededRandom) -> Edit {
        let span = random.pick(document.spans)
        let value = Array(document.bytes[span.lower..<span.upper])
        let key = Array(document.bytes[span.member..<span.lower])
        func replaced(_ bytes: [UInt8]) -> Edit { Edit(range: span.lower..<span.upper, bytes: bytes) }
        let comma = [UInt8(ascii: ",")]
        switch random.below(16) {
        case 0, 1: return replaced(self.oddValue(&random))
        case 2: return replaced(Array("null".utf8))
        case 3: return replaced(self.retyped(value, &random))
        case 4: return self.removal(of: span, in: document)
        // The same key again, before or behind the one there is.
        case 5:
            let other = random.oneIn(2) ? value : self.oddValue(&random)
            return random.oneIn(2)
                ? Edit(range: span.member..<span.member, bytes: key + other + comma)
                : Edit(range: span.upper..<span.upper, bytes: comma + key + other)
        case 6: return replaced(self.slice(&random))
        case 7:
            let other = random.pick(document.spans)
            return replaced(Array(document.bytes[other.lower..<other.upper]))
        case 8: return replaced(self.nested(value, &random))
        case 9, 10: return replaced(self.oddString(&random))
        case 11:
            guard span.isMember else { return replaced(self.oddValue(&random)) }
            return Edit(range: span.member..<span.lower, bytes: self.oddKey(key, &random))
        case 12: return replaced(self.number(&random))
        case 13:
            let times = random.oneIn(500) ? 1 + random.below(1100) : 1 + random.below(4)
            let more = (0..<min(times, (1 << 20) / max(1, value.count))).flatMap { _ in comma + key + value }
            return Edit(range: span.upper..<span.upper, bytes: more)
        default:
            // A member of something that is known, where a member may be.
            guard span.isMember else {
                return Edit(range: span.upper..<span.upper, bytes: comma + self.slice(&random))
            }
            return Edit(range: span.member..<span.member, bytes: Array(random.pick(Self.members).utf8) + comma)
        }
    }

    private func removal(of span: JSONSpans.Span, in document: Document) -> Edit {
        let bytes = document.bytes
        if span.upper < bytes.count, bytes[span.upper] == UInt8(ascii: ",") {
            return Edit(range: span.member..<(span.upper + 1), bytes: [])
        }
        let before = span.member > 0 && bytes[span.member - 1] == UInt8(ascii: ",")
        return Edit(range: (before ? span.member - 1 : span.member)..<span.upper, bytes: [])
    }

    /// A value from anywhere.
    private func slice(_ random: inout SeededRandom) -> [UInt8] {
        guard !self.donors.isEmpty else { return self.oddValue(&random) }
        let donor = random.pick(self.donors)
        let span = random.pick(donor.spans)
        return Array(donor.bytes[span.lower..<span.upper])
    }

    private func retyped(_ value: [UInt8], _ random: inout SeededRandom) -> [UInt8] {
        switch random.below(6) {
        case 0: return Array("[".utf8) + value + Array("]".utf8)
        case 1: return Array("{\"name\":".utf8) + value + Array("}".utf8)
        case 2: return JSONValue.string(String(decoding: value, as: UTF8.self)).bytes()
        case 3: return Array("{\"\":".utf8) + value + Array("}".utf8)
        case 4:
            // The other bracket: members in an array, elements in an object.
            guard value.count > 1, value[0] == UInt8(ascii: "{") || value[0] == UInt8(ascii: "[") else { return [] }
            let isObject = value[0] == UInt8(ascii: "{")
            return Array(isObject ? "[".utf8 : "{".utf8) + value[1..<(value.count - 1)]
                + Array(isObject ? "]".utf8 : "}".utf8)
        default: return value.filter { $0 != UInt8(ascii: "\"") }
        }
    }

    private func nested(_ value: [UInt8], _ random: inout SeededRandom) -> [UInt8] {
        let depth =
            random.oneIn(100)
            ? random.pick([9_990, 9_999, 10_000, 10_001, 200_000]) : random.pick([2, 5, 50, 90, 97, 99, 100, 101, 300])
        let open = random.pick(["[", "{\"a\":", "[{\"name\":", "{\"\":[null,"])
        let close = String(open.reversed().compactMap { $0 == "[" ? "]" : $0 == "{" ? "}" : nil })
        let closed = random.oneIn(10) ? random.below(depth) : depth
        return Array(String(repeating: open, count: depth).utf8) + value
            + Array(String(repeating: close, count: closed).utf8)
    }

    private func number(_ random: inout SeededRandom) -> [UInt8] {
        switch random.below(8) {
        case 0: return Array(String(Int64(truncatingIfNeeded: random.next())).utf8)
        case 1: return Array(String(random.next()).utf8)
        case 2:
            let count = random.oneIn(100) ? 100_000 : 1 + random.below(400)
            return (0..<count).map { UInt8(ascii: "1") + UInt8($0 % 9) }
        case 3: return Array("-\(random.below(10)).\(random.below(1_000_000))e\(random.below(700))".utf8)
        default: return Array(random.pick(Self.numbers).utf8)
        }
    }

    private func oddValue(_ random: inout SeededRandom) -> [UInt8] {
        switch random.below(4) {
        case 0: self.oddString(&random)
        case 1: self.number(&random)
        default: Array(random.pick(Self.values).utf8)
        }
    }

    private func oddString(_ random: inout SeededRandom) -> [UInt8] {
        let quote = [UInt8(ascii: "\"")]
        switch random.below(12) {
        case 0: return quote + random.pick(Self.brokenText) + quote
        case 1: return quote + Array(random.pick(Self.escapes).utf8) + quote
        case 2:
            let count =
                random.oneIn(200) ? random.pick([65_535, 65_536, 300_000]) : random.pick([63, 64, 253, 254, 4096])
            let piece = Array(random.pick(["x", "a.", "é", "\\n", "\\u0000", "\\ud83d\\ude00", "a=b,", ","]).utf8)
            return quote + (0..<count).flatMap { _ in piece } + quote
        case 3: return quote + (0..<random.below(24)).map { _ in UInt8(truncatingIfNeeded: random.next()) } + quote
        default: return JSONValue.string(random.pick(Self.strings)).bytes()
        }
    }

    /// Another key, or the same one written in another way.
    private func oddKey(_ key: [UInt8], _ random: inout SeededRandom) -> [UInt8] {
        let colon = Array(":".utf8)
        guard key.count > 3, let end = key.lastIndex(of: UInt8(ascii: "\"")), end > 1 else { return key }
        let name = Array(key[1..<end])
        switch random.below(7) {
        case 0: return Array("\"\":".utf8)
        case 1:
            let hex = Array(String(name[0], radix: 16).utf8)
            return Array("\"\\u00".utf8) + (hex.count < 2 ? [UInt8(ascii: "0")] : []) + hex + name[1...]
                + Array("\":".utf8)
        case 2: return Array("\"".utf8) + name + Array("\\u0000\":".utf8)
        case 3: return Array("\"".utf8) + name.map { $0 >= 0x61 && $0 <= 0x7A ? $0 - 0x20 : $0 } + Array("\":".utf8)
        case 4: return self.oddString(&random) + colon
        case 5: return Array("null:".utf8)
        default: return Array("\"\(random.pick(Self.keys))\":".utf8)
        }
    }

    // MARK: Bytes

    private func scramble(_ bytes: inout [UInt8], _ random: inout SeededRandom) {
        guard !bytes.isEmpty else { return }
        let place = random.below(bytes.count)
        switch random.below(10) {
        case 0: bytes[place] ^= 1 << UInt8(random.below(8))
        case 1: bytes[place] = UInt8(truncatingIfNeeded: random.next())
        case 2: bytes.removeSubrange(place..<min(bytes.count, place + 1 + random.below(40)))
        case 3: bytes.removeLast(bytes.count - place)
        case 4: bytes.removeFirst(place)
        case 5: bytes.insert(contentsOf: random.pick(Self.brokenText), at: place)
        case 6:
            let chunk = Array(bytes[place..<min(bytes.count, place + 1 + random.below(200))])
            for _ in 0...random.below(random.oneIn(200) ? 2000 : 4) { bytes.insert(contentsOf: chunk, at: place) }
        case 7:
            guard !self.donors.isEmpty else { return }
            let donor = random.pick(self.donors).bytes
            bytes = Array(bytes[..<place]) + donor[random.below(donor.count)...]
        case 8:
            let pieces = [
                "{", "}", "[", "]", ",", ":", "\"", "\\", "null", " \r\n\t", "//", "'", "NaN", "\u{FEFF}", "\u{0}",
            ]
            bytes.insert(contentsOf: Array(random.pick(pieces).utf8), at: place)
        default:
            switch random.below(6) {
            case 0: bytes = [0xEF, 0xBB, 0xBF] + bytes
            case 1: bytes += bytes
            case 2: bytes = bytes.flatMap { [$0, 0] }
            case 3: bytes = [UInt8](repeating: bytes[place], count: bytes.count)
            case 4: bytes.reverse()
            default: bytes += [UInt8](repeating: UInt8(ascii: " "), count: 1 + random.below(5000))
            }
        }
    }

    // MARK: Tables

    private static let values = [
        "null", "true", "false", "0", "{}", "[]", "\"\"", "[null]", "[[]]", "[{}]", "{\"\":null}", "{\"\":\"\"}",
        "[\"a\",1,null,{}]", "{\"name\":\"app\"}", "{\"name\":null,\"value\":null}",
        "[{\"name\":\"app\"},{\"name\":\"app\"}]",
        "{\"valueFrom\":{\"fieldRef\":{\"fieldPath\":\"metadata.name\"}}}", "{\"runAsUser\":0,\"runAsNonRoot\":true}",
        "{\"a\":1,\"a\":2}", "\"true\"", "\"false\"", "tru", "nul", "", "'a'", "NaN", "Infinity", "+1", "01", ".5",
        "1.",
        "[1,]", "{\"a\":1,}", "{\"a\"}", "{1:2}", "[}", "{]",
    ]

    private static let numbers = [
        "0", "-0", "-1", "1", "-0.0", "1.0", "1e0", "65535", "65536", "2147483647", "2147483648", "-2147483649",
        "4294967296", "9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809",
        "18446744073709551616", "9007199254740993", "1e19", "1e400", "-1e400", "1e-400", "0e999999999999999999999",
        "1E+2",
        "0.1", "1e", "-", "0x10", "1_000",
    ]

    private static let strings = [
        "", " ", "true", "TRUE", "True", "false", "main", "agent", "shop/main", "other/two", "a/b/c", "/", "//", "app",
        "app,web", "app, web", ",", ",,", "-", "..", "../../etc", "a=b", "a=b,c=d", "=", "%", "%2C", "$(A)", "$$(A)",
        "$(",
        "${env:A}", "a\nb", "\r\n", "\t", "\u{0}", "\u{7F}", "\u{85}", "\u{2028}", "e\u{301}", "é", "\u{FEFF}", "😀",
        "\u{10FFFF}", "\"", "\\", "\\\\", "'", "`", "<script>", "a:b", "a@sha256:0", "host:99999/x:y", "[::1]:80",
        "linux-musl-x64",
        "glibc", "musl", "windows", "Always", "CREATE", "UPDATE", "DELETE", "Pod", "pods/exec",
        "OTEL_RESOURCE_ATTRIBUTES",
        "JAVA_TOOL_OPTIONS", "PYTHONPATH", "NODE_OPTIONS", "LD_PRELOAD", "otc-container",
        "opentelemetry-auto-instrumentation-java", "OTEL_RESOURCE_ATTRIBUTES_NODE_NAME", "/usr/local/apache2/conf",
        "/etc/nginx/nginx.conf", "opentelemetry.io/v1alpha1", "opentelemetry.io/v1beta1", "OpenTelemetryCollectorList",
        "deployment", "daemonset", "statefulset", "sidecar", "9999999999999999999999m", "1e999Gi", "-5", "0.1.2.3",
        "v1.2",
    ]

    private static let keys = [
        "name", "value", "valueFrom", "env", "containers", "initContainers", "volumes", "volumeMounts", "metadata",
        "spec",
        "annotations", "labels", "securityContext", "object", "request", "uid", "kind", "namespace", "operation",
        "image",
        "ownerReferences", "restartPolicy", "nodeName", "shareProcessNamespace", "config", "mode", "__proto__", "a/b",
        "a~0b",
        "a~1b", "-", "0",
    ]

    private static let members: [String] = {
        let prefix = "instrumentation.opentelemetry.io/"
        let languages = ["java", "nodejs", "python", "dotnet", "go", "apache-httpd", "nginx", "sdk"]
        let asked = languages.flatMap { language in
            [
                "\"\(prefix)inject-\(language)\":\"true\"", "\"\(prefix)inject-\(language)\":\"main\"",
                "\"\(prefix)\(language)-container-names\":\"app\"",
            ]
        }
        return asked + [
            "\"\(prefix)container-names\":\"app,web\"", "\"\(prefix)otel-go-auto-target-exe\":\"/app\"",
            "\"\(prefix)otel-python-platform\":\"musl\"", "\"\(prefix)otel-dotnet-auto-runtime\":\"linux-musl-x64\"",
            "\"sidecar.opentelemetry.io/inject\":\"true\"", "\"sidecar.opentelemetry.io/inject\":\"agent\"",
            "\"sidecar.opentelemetry.io/inject\":\"false\"", "\"sidecar.opentelemetry.io/injected\":\"shop.agent\"",
            "\"resource.opentelemetry.io/a\":\"b\"", "\"swiftlet.opentelemetry.io/injection\":\"{}\"",
            "\"swiftlet.opentelemetry.io/injection\":\"[{\\\"subject\\\":\\\"java\\\",\\\"code\\\":\\\"Injected\\\"}]\"",
            "\"swiftlet.opentelemetry.io/injection\":\"[{\\\"subject\\\":\\\"pod\\\",\\\"code\\\":\\\"LeftOut\\\"},null,1]\"",
            "\"env\":[{\"name\":\"A\",\"value\":\"$(B)\"}]", "\"env\":null", "\"containers\":[]",
            "\"containers\":[{\"name\":\"app\"}]",
            "\"initContainers\":[{\"name\":\"app\"}]", "\"volumes\":[{}]", "\"metadata\":null", "\"spec\":{}",
            "\"annotations\":{}",
            "\"labels\":{\"a\":\"b\"}", "\"object\":null", "\"uid\":\"\"",
            "\"securityContext\":{\"runAsNonRoot\":true}",
            "\"os\":{\"name\":\"windows\"}", "\"shareProcessNamespace\":false", "\"restartPolicy\":\"Always\"",
            "\"ownerReferences\":[{\"apiVersion\":\"batch/v1\",\"kind\":\"Job\",\"name\":\"j\",\"uid\":\"u\"}]",
            "\"\":\"\"",
        ]
    }()

    /// Within quotes: no reader may let these through as they are.
    private static let brokenText: [[UInt8]] = [
        [0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xE2, 0x82], [0x80],
        [0xF8, 0x88, 0x80, 0x80, 0x80],
        [0x00], [0x1F], [0x0A], [0xC3], [0x61, 0xCC, 0x81], [0xEF, 0xBF, 0xBE],
    ]

    private static let escapes = [
        "\\ud800", "\\udc00", "\\udc00\\ud800", "\\ud800\\ud800", "\\ud800x", "\\ud83d\\ude00", "\\u0000", "\\u00",
        "\\uZZZZ",
        "\\x41", "\\", "\\\\\\", "\\/", "\\b\\f\\n\\r\\t", "\\u0022", "\\u005c", "\\uFFFF", "a\\u0000b", "\\u0061pp",
    ]
}
