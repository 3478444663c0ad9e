import JSONTree
import KubeModel
import Testing

/// The `restricted` profile over all that the golden files show.
struct RestrictedFixtureTests {
    /// What is added keeps every rule by itself. Only the demand for non-root can't be put to a pod that doesn't make it.
    @Test(arguments: GoldenTests.cases) func addedContainersKeepTheRules(_ name: String) throws {
        let result = try Scenario(try GoldenTests.read("\(name)/input.yaml")).run()
        for violation in RestrictedChecker().violations(result.pod.json) {
            guard self.added(result).contains(violation.place) else { continue }
            #expect(violation.control == .runningAsNonRoot, "\(violation)")
        }
    }

    /// The same pods as restricted as can be: they are given the same, and stay restricted.
    @Test(arguments: GoldenTests.cases) func restrictedPodsStaySo(_ name: String) throws {
        var scenario = try Scenario(try GoldenTests.read("\(name)/input.yaml"))
        let lax = try scenario.run()
        scenario.pod.mutateObject("spec") { spec in
            spec.mutateObject("securityContext") { context in
                context["runAsNonRoot"] = true
                context["seccompProfile"] = ["type": "RuntimeDefault"]
            }
            for list in ["containers", "initContainers"] {
                guard let containers = spec[array: list] else { continue }
                spec[list] = .array(
                    containers.map { container in
                        guard case .object(var object) = container else { return container }
                        object.mutateObject("securityContext") { context in
                            context["allowPrivilegeEscalation"] = false
                            context["capabilities"] = ["drop": ["ALL"]]
                        }
                        return .object(object)
                    }
                )
            }
        }
        #expect(RestrictedChecker().violations(scenario.pod) == [])
        let result = try scenario.run()
        #expect(result.codes == lax.codes)
        #expect(result.pod.spec.initContainers.map(\.name) == lax.pod.spec.initContainers.map(\.name))
        // A collector for Windows is the user's: nothing is put on it.
        if name == "windows" { return }
        // Go's agent needs what is forbidden: it and its view into the kernel.
        let violations = RestrictedChecker().violations(result.pod.json)
            .filter { !["opentelemetry-auto-instrumentation", "kernel-debug"].contains($0.place) }
        #expect(violations == [])
    }

    /// Names of the containers that languages added, but for Go's.
    private func added(_ result: Scenario.Result) -> Set<String> {
        func names(_ pod: Pod) -> [String] { (pod.spec.containers + pod.spec.initContainers).map(\.name) }
        return Set(names(result.pod)).subtracting(names(result.original))
            .subtracting(["opentelemetry-auto-instrumentation", "otc-container", "prepare", "test"])
    }
}
