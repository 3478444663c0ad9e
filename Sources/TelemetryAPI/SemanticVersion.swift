/// A version by semver.org's rules, one to three numbers, perhaps with a `v` in front.
package struct SemanticVersion: Sendable, Comparable {
    package private(set) var numbers: [Int]
    /// The parts of what stands behind the hyphen; empty for a release.
    package private(set) var prerelease: [String]

    /// `nil` when the text is no version.
    package init?(lenient text: String) {
        var rest = Substring(text)
        if rest.first == "v" { rest = rest.dropFirst() }
        if let plus = rest.firstIndex(of: "+") { rest = rest[..<plus] }
        var prerelease: [String] = []
        if let hyphen = rest.firstIndex(of: "-") {
            prerelease = rest[rest.index(after: hyphen)...].split(separator: ".", omittingEmptySubsequences: false)
                .map(String.init)
            rest = rest[..<hyphen]
            guard prerelease.allSatisfy({ !$0.isEmpty }) else { return nil }
        }
        let parts = rest.split(separator: ".", omittingEmptySubsequences: false)
        var numbers: [Int] = []
        for part in parts {
            guard part.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int(part) else { return nil }
            numbers.append(number)
        }
        guard (1...3).contains(numbers.count) else { return nil }
        self.numbers = numbers + Array(repeating: 0, count: 3 - numbers.count)
        self.prerelease = prerelease
    }

    package static func < (left: SemanticVersion, right: SemanticVersion) -> Bool {
        if left.numbers != right.numbers { return left.numbers.lexicographicallyPrecedes(right.numbers) }
        // A release comes after its pre-releases.
        if left.prerelease.isEmpty || right.prerelease.isEmpty {
            return !left.prerelease.isEmpty && right.prerelease.isEmpty
        }
        for (one, other) in zip(left.prerelease, right.prerelease) where one != other {
            switch (Int(one), Int(other)) {
            case (let one?, let other?): return one < other
            case (_?, nil): return true
            case (nil, _?): return false
            default: return one < other
            }
        }
        return left.prerelease.count < right.prerelease.count
    }
}
