import ArgumentParser
import JSONTree

/// `swiftlet completion`: scripts that let shells complete what is typed.
struct CompletionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "completion",
        abstract: "Prints a script that lets bash, zsh or fish complete commands and flags.",
        discussion: """
            Examples:
              source <(swiftlet completion bash)
              swiftlet completion zsh > "${fpath[1]}/_swiftlet"
              swiftlet completion fish > ~/.config/fish/completions/swiftlet.fish

            kubectl completes its plugins itself: put a link kubectl_complete-swiftlet to this program into PATH, beside
            kubectl-swiftlet.

            Exit codes: 0 printed, 2 wrong use.
            """
    )

    enum Shell: String, ExpressibleByArgument, CaseIterable { case bash, zsh, fish }

    @Argument(help: "bash, zsh or fish.") var shell: Shell

    func run() throws {
        let shell: CompletionShell =
            switch self.shell {
            case .bash: .bash
            case .zsh: .zsh
            case .fish: .fish
            }
        try emit(Swiftlet.completionScript(for: shell) + "\n")
    }
}

/// Answers kubectl's question how a line can go on, in the form that cobra's shell scripts read: candidates, one a line,
/// and a directive.
enum KubectlCompletion {
    /// No file names.
    private static let directive = ":4\n"

    /// - Parameter words: what was typed behind `kubectl swiftlet`, the last one unfinished, perhaps empty.
    static func answer(_ words: [String]) {
        guard let tree = (try? JSONValue(parsing: Array(Swiftlet._dumpHelp().utf8)))?["command"] else { return }
        var command = tree
        for word in words.dropLast() {
            let inner = command["subcommands"]?.array?.first { $0["commandName"]?.string == word }
            if let inner { command = inner }
        }
        let begun = words.last ?? ""
        var candidates: [(name: String, about: String)] = []
        if begun.hasPrefix("-") {
            for argument in command["arguments"]?.array ?? [] where argument["shouldDisplay"]?.bool != false {
                for name in argument["names"]?.array ?? [] {
                    let dashes = name["kind"]?.string == "short" ? "-" : "--"
                    candidates.append((dashes + (name["name"]?.string ?? ""), argument["abstract"]?.string ?? ""))
                }
            }
        } else {
            for inner in command["subcommands"]?.array ?? [] {
                candidates.append((inner["commandName"]?.string ?? "", inner["abstract"]?.string ?? ""))
            }
        }
        let lines = candidates.filter { $0.name.hasPrefix(begun) }.map { "\($0.name)\t\($0.about)\n" }
        try? emit(lines.joined() + self.directive)
    }
}
