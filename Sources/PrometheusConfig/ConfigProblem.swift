import JSONTree

/// Why a part of a configuration can't be used, or what is odd about it: what is wrong, where, and how to mend it.
///
/// Values of fields that can hold secrets are never part of it.
package struct ConfigProblem: Error, Sendable, Hashable, CustomStringConvertible {
    /// The job it is about; `nil` when it is about the whole document, or about a job without a name.
    package var job: String?
    /// Where it stands, such as `relabel_configs[2].regex`; within a document, with `scrape_configs[0].` before it.
    package var path: String
    package var message: String
    /// How to mend it; may be empty.
    package var hint: String

    package init(job: String? = nil, path: String = "", message: String, hint: String = "") {
        self.job = job
        self.path = path
        self.message = message
        self.hint = hint
    }

    package var description: String {
        var text = self.job.map { "job \"\($0.abbreviated())\": " } ?? ""
        if !self.path.isEmpty { text += "\(self.path): " }
        text += self.message
        return self.hint.isEmpty ? text : "\(text): \(self.hint)"
    }

    /// The same with more in front of its path.
    func within(_ parent: String) -> ConfigProblem {
        var copy = self
        copy.path = self.path.isEmpty ? parent : "\(parent).\(self.path)"
        return copy
    }
}

/// What is wrong with one value; the way to it grows while the error travels up, so that nothing is spent on it as long
/// as all is well.
struct FieldError: Error {
    var path = ""
    var message: String
    var hint = ""

    init(_ message: String, hint: String = "") {
        self.message = message
        self.hint = hint
    }

    /// The same, one level up.
    func within(_ name: String) -> FieldError {
        if name.isEmpty { return self }
        var copy = self
        copy.path = self.path.isEmpty ? name : self.path.hasPrefix("[") ? name + self.path : "\(name).\(self.path)"
        return copy
    }

    func within(_ index: Int) -> FieldError { self.within("[\(index)]") }

    func problem(job: String?) -> ConfigProblem {
        ConfigProblem(job: job, path: self.path, message: self.message, hint: self.hint)
    }
}
