import PrometheusModel

/// The groups that came from one place (a file, an answer), kept small: they are looked at again only when the place says
/// something else, or somebody new asks. Equal labels are kept once, and a group has their numbers.
///
/// A class, so that a list which is still the same is known by being the same one.
final class GroupList: Sendable {
    /// Where the groups came from. Groups of two places never have the same source.
    let place: String
    let sources: [String]
    private let labels: [Label]
    /// For each group: how many labels it has, their numbers, how many targets, and of each the same.
    private let numbers: [UInt32]

    init(place: String, groups: [TargetGroup]) {
        var labels: [Label] = []
        var known: [Label: UInt32] = [:]
        var numbers: [UInt32] = []
        func add(_ own: [Label]) {
            numbers.append(UInt32(truncatingIfNeeded: own.count))
            for label in own {
                if let number = known[label] {
                    numbers.append(number)
                } else {
                    let number = UInt32(truncatingIfNeeded: labels.count)
                    known[label] = number
                    labels.append(label)
                    numbers.append(number)
                }
            }
        }
        for group in groups {
            add(group.labels)
            numbers.append(UInt32(truncatingIfNeeded: group.targets.count))
            for target in group.targets { add(target) }
        }
        self.place = place
        self.sources = groups.map(\.source)
        // Copies have no spare room.
        self.labels = Array(labels[...])
        self.numbers = Array(numbers[...])
    }

    var groups: [TargetGroup] {
        var reader = Reader(labels: self.labels, numbers: self.numbers)
        return self.sources.map { reader.group(source: $0) }
    }

    /// Whether it holds just these, in this order.
    func holds(_ groups: [TargetGroup]) -> Bool {
        guard groups.count == self.sources.count else { return false }
        var reader = Reader(labels: self.labels, numbers: self.numbers)
        for (source, group) in zip(self.sources, groups) where reader.group(source: source) != group { return false }
        return true
    }

    private struct Reader {
        let labels: [Label]
        let numbers: [UInt32]
        var at = 0

        mutating func number() -> Int {
            defer { self.at += 1 }
            return Int(self.numbers[self.at])
        }

        mutating func list() -> [Label] {
            let count = self.number()
            var list: [Label] = []
            list.reserveCapacity(count)
            for _ in 0..<count { list.append(self.labels[self.number()]) }
            return list
        }

        mutating func group(source: String) -> TargetGroup {
            let labels = self.list()
            var targets: [[Label]] = []
            let count = self.number()
            targets.reserveCapacity(count)
            for _ in 0..<count { targets.append(self.list()) }
            return TargetGroup(source: source, labels: labels, targets: targets)
        }
    }
}
