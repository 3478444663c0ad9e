import TelemetryAPI

// Whoever may make a pod says how many containers it has and how long its annotations are, and each container gets what
// all annotations say: a small pod can ask for gigabytes.
extension Injection {
    /// The API server takes no objects over 3 MiB, etcd none over 1.5 MiB.
    static var maximumAddedBytes: Int { 4 << 20 }
    static var maximumContainers: Int { 1000 }

    /// Whether more has been added than any API server would take, so that there is no use in going on.
    var isTooLarge: Bool { self.addedBytes > Self.maximumAddedBytes }

    /// Counts what was added to a container's environment.
    mutating func count(_ environment: EnvironmentDraft) {
        for entry in environment.entries where entry.origin == nil || entry.isChanged {
            self.addedBytes += entry.name.utf8.count + entry.value.utf8.count + 32
        }
    }

    func checkSize(_ request: Request) throws(InjectionFailure) {
        let count = self.draft.containers.containers.count + self.draft.initContainers.containers.count
        guard self.isTooLarge || count > Self.maximumContainers else { return }
        throw InjectionFailure(
            text: "the pod is too large to be instrumented",
            code: .podTooLarge,
            mend:
                "it may have \(Self.maximumContainers) containers, and \(Self.maximumAddedBytes >> 20) MiB of variables that "
                + "are added to them",
            language: request.language
        )
    }
}

extension ReasonCode {
    /// It has more containers, or its annotations make more variables, than any API server would take.
    package static let podTooLarge = ReasonCode(rawValue: "PodTooLarge")
}
