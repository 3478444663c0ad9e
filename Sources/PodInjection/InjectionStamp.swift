import JSONTree
import KubeModel

/// What became of everything that a pod asked for, as an annotation of the pod says it: the answer to "why is this pod
/// not instrumented?" stays with the pod, long after Events have expired.
///
/// The value is a JSON array of objects with `subject` (a language id or `sidecar`), `code` (a ``ReasonCode``) and, where
/// they apply, `containers`, `source` (`NAMESPACE/NAME` of the Instrumentation or collector) and `message`.
package struct InjectionStamp: Sendable, Hashable {
    package static let annotation = "swiftlet.opentelemetry.io/injection"

    /// A message of a hostile length must not make the pod too large to be admitted.
    private static let messageLimit = 512
    private static let entryLimit = 32
    private static let textLimit = 8 << 10
    /// Keys and values of all annotations together, for the API server.
    static let annotationLimit = 256 << 10

    package struct Entry: Sendable, Hashable {
        package var subject: String
        package var code: String
        package var containers: [String]
        package var source: String
        package var message: String

        fileprivate init(_ decision: Decision) {
            self.subject = decision.subject.id
            self.code = decision.code.rawValue
            self.containers = decision.containers
            self.source = decision.source?.description ?? ""
            self.message = decision.message.prefix(bytes: InjectionStamp.messageLimit)
        }

        fileprivate init?(_ json: JSONValue) {
            guard let subject = json[string: "subject"], let code = json[string: "code"] else { return nil }
            self.subject = subject
            self.code = code
            self.containers = json.object?[strings: "containers"] ?? []
            self.source = json[string: "source"] ?? ""
            self.message = json[string: "message"] ?? ""
        }

        fileprivate func write(to writer: inout JSONWriter) {
            writer.write(raw: "{\"subject\":")
            writer.write(string: self.subject)
            writer.write(raw: ",\"code\":")
            writer.write(string: self.code)
            if !self.containers.isEmpty {
                writer.write(raw: ",\"containers\":[")
                for (place, container) in self.containers.enumerated() {
                    if place > 0 { writer.write(raw: ",") }
                    writer.write(string: container)
                }
                writer.write(raw: "]")
            }
            if !self.source.isEmpty {
                writer.write(raw: ",\"source\":")
                writer.write(string: self.source)
            }
            if !self.message.isEmpty {
                writer.write(raw: ",\"message\":")
                writer.write(string: self.message)
            }
            writer.write(raw: "}")
        }
    }

    package private(set) var entries: [Entry] = []
    /// The annotation's value; empty for none.
    package private(set) var text = ""

    /// The stamp that a pod carries; entries that can't be read are left out.
    package init(parsing text: String) {
        // Most pods carry none.
        guard !text.isEmpty, case .array(let items)? = try? JSONValue(parsing: Array(text.utf8)) else { return }
        self.entries = items.compactMap(Entry.init)
        self.text = text
    }

    /// The stamp for decisions about a pod that may carry one already. A webhook is asked again after others changed the
    /// pod: what was done the first time is not said to be somebody else's work then.
    init(_ decisions: [Decision], over old: InjectionStamp) {
        defer { self.bound() }
        if old.entries.isEmpty {
            self.entries = decisions.compactMap { $0.isSidecarAlreadyThere ? nil : Entry($0) }
            return
        }
        // What was left out for its size was said as well.
        let isCut = old.entries.contains { $0.code == ReasonCode.leftOut.rawValue }
        let isDone = { (decision: Decision) in
            decision.code == .alreadyInstrumented
                && (isCut || old.entries.contains { $0.subject == decision.subject.id })
        }
        var left = decisions.filter { !isDone($0) && !$0.isSidecarAlreadyThere }.map(Entry.init)
        let kept = Set(decisions.filter(isDone).map(\.subject.id))
        for entry in old.entries {
            if kept.contains(entry.subject) || !kept.isEmpty && entry.code == ReasonCode.leftOut.rawValue {
                self.entries.append(entry)
            } else if entry.code == ReasonCode.removed.rawValue, !left.contains(where: { $0.subject == entry.subject })
            {
                // What was taken away is gone by now, so that nothing is decided on it again.
                self.entries.append(entry)
            } else if let place = left.firstIndex(of: entry) {
                // In its old place, so that saying the same again is no change.
                self.entries.append(left.remove(at: place))
            }
        }
        self.entries += left
    }

    /// Leaves out what would be too much to carry, says how much that is, and writes the rest.
    private mutating func bound() {
        self.text = ""
        if self.entries.isEmpty { return }
        var writer = JSONWriter(reservingCapacity: 256)
        writer.write(raw: "[")
        var kept = 0
        for entry in self.entries {
            let start = writer.bytes.count
            if kept > 0 { writer.write(raw: ",") }
            entry.write(to: &writer)
            // With each entry goes the comma or bracket in front of it.
            if kept == Self.entryLimit || writer.bytes.count > Self.textLimit {
                writer.bytes.removeLast(writer.bytes.count - start)
                break
            }
            kept += 1
        }
        let left = self.entries.count - kept
        if left > 0 {
            self.entries.removeLast(left)
            let note = Entry(Decision(.pod, .leftOut, "and \(left) more, which swiftlet explain tells"))
            self.entries.append(note)
            if kept > 0 { writer.write(raw: ",") }
            note.write(to: &writer)
        }
        writer.write(raw: "]")
        self.text = String(decoding: writer.bytes, as: UTF8.self)
    }
}

extension Decision {
    /// A pod that brings its sidecar along got what it asked for.
    fileprivate var isSidecarAlreadyThere: Bool { self.subject == .sidecar && self.code == .alreadyInstrumented }
}

extension JSONValue {
    fileprivate subscript(string key: String) -> String? { self.object?[string: key] }
}

extension String {
    /// At most so many bytes, cut between characters.
    fileprivate func prefix(bytes limit: Int) -> String {
        guard self.utf8.count > limit else { return self }
        var text = ""
        for character in self.unicodeScalars {
            if text.utf8.count + UTF8.width(character) > limit - 3 { break }
            text.unicodeScalars.append(character)
        }
        return text + "…"
    }
}
