import Glibc

/// The `process_*` metrics that every Prometheus client gives, from `/proc` (proc(5)).
///
/// What cannot be read is left out of the exposition: a scrape never fails over it.
package struct ProcessMetrics: Sendable {
    private let root: String
    private let ticksPerSecond: Double
    private let pageSize: Double
    /// Asked once: the kernel works it out from the clock, so it moves with it, and a moving start looks like a restart.
    private let booted: Double?

    /// - Parameter root: where proc is mounted; tests put files of their own there.
    package init(root: String = "/proc") {
        self.root = root
        self.ticksPerSecond = Double(max(1, sysconf(Int32(_SC_CLK_TCK))))
        self.pageSize = Double(max(1, sysconf(Int32(_SC_PAGESIZE))))
        self.booted = Self.bootTime(root)
    }

    /// A collector for ``PrometheusMetrics/collect(_:)``.
    @Sendable
    package func write(to writer: inout ExpositionWriter) {
        if let stat = self.stat() {
            writer.value(
                "process_cpu_seconds_total",
                kind: .counter,
                help: "Total user and system CPU time spent in seconds.",
                stat.cpuSeconds
            )
            writer.value(
                "process_resident_memory_bytes",
                kind: .gauge,
                help: "Resident memory size in bytes.",
                stat.residentBytes
            )
            writer.value(
                "process_virtual_memory_bytes",
                kind: .gauge,
                help: "Virtual memory size in bytes.",
                stat.virtualBytes
            )
            writer.value(
                "process_virtual_memory_max_bytes",
                kind: .gauge,
                help: "Maximum amount of virtual memory available in bytes.",
                Self.limit(Int32(RLIMIT_AS.rawValue))
            )
            if let boot = self.booted {
                writer.value(
                    "process_start_time_seconds",
                    kind: .gauge,
                    help: "Start time of the process since unix epoch in seconds.",
                    boot + stat.startSeconds
                )
            }
        }
        if let open = self.openDescriptors() {
            writer.value("process_open_fds", kind: .gauge, help: "Number of open file descriptors.", Double(open))
        }
        if let maximum = self.maximumDescriptors() {
            writer.value(
                "process_max_fds",
                kind: .gauge,
                help: "Maximum number of open file descriptors.",
                Double(maximum)
            )
        }
    }

    struct Stat: Equatable {
        var cpuSeconds: Double
        var startSeconds: Double
        var virtualBytes: Double
        var residentBytes: Double
    }

    func stat() -> Stat? {
        // The process's name stands in parentheses and may hold spaces and parentheses: the fields begin behind the last.
        guard let text = Self.read("\(self.root)/self/stat"), let close = text.lastIndex(of: UInt8(ascii: ")")) else {
            return nil
        }
        let fields = text[text.index(after: close)...].split(separator: UInt8(ascii: " "))
        // Field 3 of proc(5) is the first here.
        guard fields.count > 21,
            let user = Self.number(fields[11]), let system = Self.number(fields[12]),
            let start = Self.number(fields[19]), let virtual = Self.number(fields[20]),
            let resident = Self.number(fields[21])
        else { return nil }
        return Stat(
            cpuSeconds: (user + system) / self.ticksPerSecond,
            startSeconds: start / self.ticksPerSecond,
            virtualBytes: virtual,
            residentBytes: resident * self.pageSize
        )
    }

    func bootTime() -> Double? { Self.bootTime(self.root) }

    private static func bootTime(_ root: String) -> Double? {
        guard let text = Self.read("\(root)/stat") else { return nil }
        for line in text.split(separator: UInt8(ascii: "\n")) where line.starts(with: "btime ".utf8) {
            return Self.number(line.dropFirst(6))
        }
        return nil
    }

    func openDescriptors() -> Int? {
        guard let directory = opendir("\(self.root)/self/fd") else { return nil }
        defer { closedir(directory) }
        var count = 0
        while let entry = readdir(directory) {
            // "." and ".." are no descriptors.
            if entry.pointee.d_name.0 != CChar(UInt8(ascii: ".")) { count += 1 }
        }
        // One of them is this directory itself.
        return max(0, count - 1)
    }

    private func maximumDescriptors() -> UInt64? {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return nil }
        return UInt64(limit.rlim_cur)
    }

    /// Of memory; `-1` for none, as the Go client has it.
    private static func limit(_ resource: Int32) -> Double {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(UInt32(resource)), &limit) == 0, limit.rlim_cur != rlim_t.max else {
            return -1
        }
        return Double(limit.rlim_cur)
    }

    private static func number(_ text: some Collection<UInt8>) -> Double? {
        Double(String(decoding: text, as: UTF8.self))
    }

    private static func read(_ path: String) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { return nil }
            if count == 0 { return bytes }
            bytes.append(contentsOf: chunk[..<count])
        }
    }
}
