import KubeClient
import Logging
import Metrics
import PrometheusConfig
import PrometheusModel
import TargetDiscovery

/// Targets from files.
///
/// Files are looked at every two seconds, not followed with inotify: that tells nothing of network filesystems, and of a
/// mounted ConfigMap only that a link beside the files was swapped. A look costs one `stat` a file.
struct FileRefresh: GroupRefresh {
    private struct Known {
        var stamp: FileStamp
        var groups: GroupList
        var isBroken: Bool
    }

    private static let lookInterval: Duration = .seconds(2)

    let patterns: [String]
    let rereadInterval: Duration
    private var files: [String: Known] = [:]
    private var nextReread: Duration?
    private let time = TimeSource(ContinuousClock())

    init(patterns: [String], rereadInterval: Duration) {
        self.patterns = patterns
        self.rereadInterval = rereadInterval
    }

    static func finder(_ discovery: FileDiscovery) -> RefreshingFinder<FileRefresh> {
        let reread = discovery.refreshInterval.interval
        return RefreshingFinder(
            refresh: FileRefresh(patterns: discovery.files, rereadInterval: reread),
            interval: min(Self.lookInterval, reread)
        )
    }

    mutating func refresh() async throws -> [GroupList]? {
        let isFirst = self.nextReread == nil
        var readsAll = false
        if let due = self.nextReread, self.time.now < due {
        } else {
            readsAll = true
            self.nextReread = self.time.now + self.rereadInterval
        }
        let patterns = self.patterns
        let found = try await blocking {
            // A file that two patterns match counts once.
            Set(patterns.flatMap(FilePattern.paths)).sorted().map { ($0, FileStamp($0)) }
        }
        var now: [String: Known] = [:]
        var isChanged = isFirst || found.count != self.files.count
        for (path, stamp) in found {
            let known = self.files[path]
            guard let stamp else {
                // Gone between the two looks, as while a ConfigMap is swapped.
                now[path] = known
                continue
            }
            if let known, known.stamp == stamp, !readsAll {
                now[path] = known
                continue
            }
            let read = try await self.read(path, stamp, known)
            if read.groups !== known?.groups { isChanged = true }
            now[path] = read
        }
        if Set(now.keys) != Set(self.files.keys) { isChanged = true }
        self.files = now
        guard isChanged else { return nil }
        return now.sorted { $0.key < $1.key }.map(\.value.groups)
    }

    private func read(_ path: String, _ stamp: FileStamp, _ known: Known?) async throws -> Known {
        do {
            let groups = try await blocking {
                guard let format = TargetList.Format(path: path) else {
                    throw FileError(message: "the name of a file with targets ends with .json, .yml or .yaml")
                }
                let groups = try TargetList.groups(file: try FileContent.bytes(of: path), path: path, format: format)
                if let known, known.groups.holds(groups) { return known.groups }
                return GroupList(place: path, groups: groups)
            }
            if known?.isBroken == true {
                Logger.current.info("a file with targets is good again", metadata: ["file": "\(path)"])
            }
            return Known(stamp: stamp, groups: groups, isBroken: false)
        } catch {
            try Task.checkCancellation()
            DiscoveryMetrics.fileErrors.increment()
            Logger.current.warning(
                "a file with targets can't be used: its targets stay as they were",
                metadata: ["file": "\(path)", "error": "\(error)"]
            )
            return Known(stamp: stamp, groups: known?.groups ?? GroupList(place: path, groups: []), isBroken: true)
        }
    }
}
