/// Collectors by how many targets they have, the one with the fewest on top: a heap of slots in which each knows its place.
struct LoadHeap: Sendable {
    private var heap: [Int32] = []
    /// By slot; -1 where a slot isn't in the heap.
    private var places: [Int32] = []
    private var loads: [Int32] = []

    func load(of slot: Int32) -> Int32 { self.loads[Int(slot)] }

    mutating func insert(_ slot: Int32, load: Int32) {
        while self.places.count <= Int(slot) {
            self.places.append(-1)
            self.loads.append(0)
        }
        self.loads[Int(slot)] = load
        self.places[Int(slot)] = Int32(self.heap.count)
        self.heap.append(slot)
        self.rise(self.heap.count - 1)
    }

    mutating func remove(_ slot: Int32) {
        let place = Int(self.places[Int(slot)])
        self.places[Int(slot)] = -1
        let last = self.heap.removeLast()
        guard last != slot else { return }
        self.put(last, place)
        self.rise(place)
        self.sink(Int(self.places[Int(last)]))
    }

    mutating func increase(_ slot: Int32) {
        self.loads[Int(slot)] += 1
        self.sink(Int(self.places[Int(slot)]))
    }

    mutating func decrease(_ slot: Int32) {
        self.loads[Int(slot)] -= 1
        self.rise(Int(self.places[Int(slot)]))
    }

    /// The best by `isBetter` of those with the fewest targets. Only those and their children are looked at: equal ones are
    /// together at the top of a heap.
    func least(_ isBetter: (_ slot: Int32, _ best: Int32) -> Bool) -> Int32? {
        guard let top = self.heap.first else { return nil }
        var best = top
        let fewest = self.loads[Int(top)]
        self.visit(1, fewest, &best, isBetter)
        self.visit(2, fewest, &best, isBetter)
        return best
    }

    private func visit(_ place: Int, _ fewest: Int32, _ best: inout Int32, _ isBetter: (Int32, Int32) -> Bool) {
        guard place < self.heap.count else { return }
        let slot = self.heap[place]
        guard self.loads[Int(slot)] == fewest else { return }
        if isBetter(slot, best) { best = slot }
        // As deep as the heap is high.
        self.visit(2 * place + 1, fewest, &best, isBetter)
        self.visit(2 * place + 2, fewest, &best, isBetter)
    }

    private mutating func put(_ slot: Int32, _ place: Int) {
        self.heap[place] = slot
        self.places[Int(slot)] = Int32(place)
    }

    private mutating func rise(_ start: Int) {
        var place = start
        let slot = self.heap[place]
        let load = self.loads[Int(slot)]
        while place > 0 {
            let parent = (place - 1) / 2
            guard self.loads[Int(self.heap[parent])] > load else { break }
            self.put(self.heap[parent], place)
            place = parent
        }
        self.put(slot, place)
    }

    private mutating func sink(_ start: Int) {
        var place = start
        let slot = self.heap[place]
        let load = self.loads[Int(slot)]
        while true {
            var child = 2 * place + 1
            guard child < self.heap.count else { break }
            if child + 1 < self.heap.count,
                self.loads[Int(self.heap[child + 1])] < self.loads[Int(self.heap[child])]
            {
                child += 1
            }
            guard self.loads[Int(self.heap[child])] < load else { break }
            self.put(self.heap[child], place)
            place = child
        }
        self.put(slot, place)
    }
}
