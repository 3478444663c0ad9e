/// Finds what somebody probably meant.
package enum Spelling {
    /// The nearest of these words, if one is near enough for a slip: a third of its length, and of several equally near
    /// the first. A word that one of them begins with, or the other way round, counts as near too.
    package static func nearest(to word: String, among words: some Sequence<String>) -> String? {
        // What nobody types needs no answer, and the distance costs the product of both lengths.
        guard word.utf8.count <= 100 else { return nil }
        var best: (word: String, distance: Int)?
        for candidate in words {
            let limit = max(1, min(word.utf8.count, candidate.utf8.count) / 3)
            let distance = self.distance(word, candidate)
            if distance <= limit, distance < best?.distance ?? .max { best = (candidate, distance) }
        }
        if let best { return best.word }
        guard word.utf8.count >= 4 else { return nil }
        return words.first { $0.hasPrefix(word) }
            ?? words.filter { word.hasPrefix($0 + "-") }.max { $0.count < $1.count }
    }

    /// How many bytes have to be put in, taken out or replaced, or neighbours swapped, to make one of the other.
    package static func distance(_ left: String, _ right: String) -> Int {
        let left = Array(left.utf8)
        let right = Array(right.utf8)
        if left.isEmpty || right.isEmpty { return max(left.count, right.count) }
        var beforeLast = [Int](repeating: 0, count: right.count + 1)
        var last = Array(0...right.count)
        for i in 1...left.count {
            var row = [i]
            row.reserveCapacity(right.count + 1)
            for j in 1...right.count {
                let substituted = last[j - 1] + (left[i - 1] == right[j - 1] ? 0 : 1)
                var cost = min(substituted, last[j] + 1, row[j - 1] + 1)
                if i > 1, j > 1, left[i - 1] == right[j - 2], left[i - 2] == right[j - 1] {
                    cost = min(cost, beforeLast[j - 2] + 1)
                }
                row.append(cost)
            }
            beforeLast = last
            last = row
        }
        return last[right.count]
    }
}
