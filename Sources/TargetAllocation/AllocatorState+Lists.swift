import PrometheusModel

/// What a list was made of: writing it can go on as long as this holds.
struct ListContent: Sendable {
    var version: UInt64
    /// In the order of their hashes: equal lists are equal bytes, whichever replica wrote them.
    var items: [Int32]
    fileprivate var list: Int32
}

extension AllocatorState {
    /// The version of a collector's list of a job; nil where there is none, which is answered with an empty one.
    package func version(job: String, collector: String) -> UInt64? {
        self.find(job: job, collector: collector).map { self.lists[$0].version }
    }

    /// nil where there is no such job or no such collector.
    func content(job: String, collector: String) -> ListContent? {
        guard self.jobSlots[job] != nil, self.collectorSlots[collector] != nil else { return nil }
        guard let list = self.find(job: job, collector: collector) else {
            return ListContent(version: 0, items: [], list: -1)
        }
        let items = self.inOrder(self.lists[list].items + self.lists[list].leaving)
        return ListContent(version: self.lists[list].version, items: items, list: list)
    }

    private func inOrder(_ items: [Int32]) -> [Int32] {
        var keyed = items.map { (hash: self.items[$0].hash, item: $0) }
        keyed.sort { $0.hash < $1.hash }
        return keyed.map(\.item)
    }

    /// Writes a part of a list; false when it is another one by now.
    func write(_ content: ListContent, _ range: Range<Int>, to writer: inout TargetListWriter) -> Bool {
        guard content.list >= 0 else { return content.items.isEmpty }
        let list = self.lists[content.list]
        guard list.collector >= 0, list.version == content.version else { return false }
        self.write(content.items[range], startsList: range.lowerBound == 0, to: &writer)
        return true
    }

    private func write(_ items: ArraySlice<Int32>, startsList: Bool, to writer: inout TargetListWriter) {
        var isFirst = startsList
        for item in items {
            if !isFirst { writer.write(raw: ",") }
            isFirst = false
            let place = self.items[item].place
            let content = self.groups[place.group].content
            let range = self.contents[content].range(Int(place.index))
            self.contents[content].pairs.withUnsafeBufferPointer {
                writer.write(
                    UnsafeBufferPointer(rebasing: $0[range]),
                    address: self.addressLabel,
                    in: self.symbols
                )
            }
        }
    }

    func has(job: String) -> Bool { self.jobSlots[job] != nil }

    /// One collector's list of a job as JSON, with a newline behind it; `[]` where there is nothing.
    package func list(job: String, collector: String) -> [UInt8] {
        var writer = TargetListWriter()
        writer.write(raw: "[")
        if let content = self.content(job: job, collector: collector) {
            _ = self.write(content, content.items.indices, to: &writer)
        }
        writer.write(raw: "]\n")
        return [UInt8](writer.bytes)
    }

    /// Every collector with its targets of a job, each target with its new owner alone.
    package func list(job: String) -> [UInt8] {
        var writer = TargetListWriter()
        self.writeAll(of: job, to: &writer)
        return [UInt8](writer.bytes)
    }

    func writeAll(of job: String, to writer: inout TargetListWriter) {
        writer.write(raw: "{")
        let path = "/debug/jobs/" + job.queryEscaped + "/targets?collector_id="
        var isFirst = true
        for (name, _) in self.collectorSlots.sorted(by: { $0.key < $1.key }) {
            writer.write(raw: isFirst ? "\"" : ",\"")
            isFirst = false
            writer.write(string: name)
            writer.write(raw: "\":{\"_link\":\"")
            writer.write(string: path + name.queryEscaped)
            writer.write(raw: "\",\"targets\":[")
            if let list = self.find(job: job, collector: name) {
                self.write(self.inOrder(self.lists[list].items)[...], startsList: true, to: &writer)
            }
            writer.write(raw: "]}")
        }
        writer.write(raw: "}\n")
    }

    /// The jobs that have targets, each with the path of its lists.
    package func jobList() -> [UInt8] {
        var writer = TargetListWriter()
        self.writeJobs(to: &writer)
        return [UInt8](writer.bytes)
    }

    func writeJobs(to writer: inout TargetListWriter) {
        writer.write(raw: "{")
        var isFirst = true
        for (name, slot) in self.jobSlots.sorted(by: { $0.key < $1.key }) where self.jobs[slot].kept > 0 {
            writer.write(raw: isFirst ? "\"" : ",\"")
            isFirst = false
            writer.write(string: name)
            writer.write(raw: "\":{\"_link\":\"/jobs/")
            writer.write(string: name.queryEscaped)
            writer.write(raw: "/targets\"}")
        }
        writer.write(raw: "}\n")
    }
}
