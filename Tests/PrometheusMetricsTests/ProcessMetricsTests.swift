import Glibc
import Testing

@testable import PrometheusMetrics

@Suite struct ProcessMetricsTests {
    @Test func thisProcess() throws {
        let metrics = PrometheusMetrics()
        metrics.collect(ProcessMetrics().write)
        let families = try ExpositionParser.parse(metrics.exposition())
        func value(_ name: String) throws -> Double { try #require(families[name]?.samples.first?.value) }
        #expect(try value("process_resident_memory_bytes") > 1_048_576)
        #expect(try value("process_virtual_memory_bytes") > value("process_resident_memory_bytes"))
        #expect(try value("process_open_fds") >= 3)
        #expect(try value("process_max_fds") >= value("process_open_fds"))
        let now = Double(time(nil))
        #expect(try value("process_start_time_seconds") < now + 2)
        #expect(try value("process_start_time_seconds") > now - 86_400)
        #expect(families["process_cpu_seconds_total"]?.type == "counter")
    }

    @Test func openDescriptorsAreCounted() throws {
        let before = try #require(ProcessMetrics().openDescriptors())
        let descriptors = (0..<50).map { _ in open("/dev/null", O_RDONLY) }
        let after = try #require(ProcessMetrics().openDescriptors())
        for descriptor in descriptors { close(descriptor) }
        // Other tests open and close files at the same time.
        #expect((40...60).contains(after - before))
    }

    @Test func processNameMayHoldAnything() throws {
        var template = Array("/tmp/procXXXXXX".utf8CString)
        let made = template.withUnsafeMutableBufferPointer { $0.baseAddress.flatMap { mkdtemp($0) } }
        let root = String(cString: try #require(made))
        defer {
            unlink("\(root)/self/stat")
            rmdir("\(root)/self")
            rmdir(root)
        }
        mkdir("\(root)/self", 0o700)
        let fields = (3...52).map { "\($0)" }.joined(separator: " ")
        let file = try #require(fopen("\(root)/self/stat", "w"))
        fputs("1 (a) b (c d) \(fields)\n", file)
        fclose(file)
        let ticks = Double(sysconf(Int32(_SC_CLK_TCK)))
        let stat = try #require(ProcessMetrics(root: root).stat())
        #expect(stat.cpuSeconds == (14 + 15) / ticks)
        #expect(stat.startSeconds == 22 / ticks)
        #expect(stat.virtualBytes == 23)
        #expect(stat.residentBytes == 24 * Double(sysconf(Int32(_SC_PAGESIZE))))
        // What is not there is left out.
        #expect(ProcessMetrics(root: root).bootTime() == nil)
        #expect(ProcessMetrics(root: root).openDescriptors() == nil)
    }
}
