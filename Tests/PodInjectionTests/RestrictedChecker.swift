import JSONTree
import KubeModel

/// The `restricted` profile as the page "Pod Security Standards" of the Kubernetes documentation tells it, control by
/// control: a judge for tests, which has nothing in common with the code that is judged.
struct RestrictedChecker {
    enum Control: String, CaseIterable {
        // Of `baseline`.
        case hostProcess, hostNamespaces, privilegedContainers, capabilities, hostPathVolumes, hostPorts, hostProbes
        case appArmor, seLinux, procMount, seccomp, sysctls
        // Of `restricted`.
        case volumeTypes, privilegeEscalation, runningAsNonRoot, nonRootUser, droppedCapabilities
    }

    struct Violation: Hashable, CustomStringConvertible {
        var control: Control
        /// `pod`, a volume or a container.
        var place: String
        var description: String { "\(self.place): \(self.control)" }
    }

    /// Since 1.35 the controls about users don't hold for pods with `hostUsers: false`.
    var relaxesUserNamespaces = true

    private struct Container {
        var name: String
        var json: JSONValue
        var context: JSONValue { self.json["securityContext"] ?? .null }
    }

    func violations(_ pod: JSONObject) -> Set<Violation> {
        var found: Set<Violation> = []
        func require(_ control: Control, _ place: String, _ isMet: Bool) {
            if !isMet { found.insert(Violation(control: control, place: place)) }
        }
        let spec = pod["spec"] ?? .null
        let podContext = spec["securityContext"] ?? .null
        let containers = ["initContainers", "containers", "ephemeralContainers"].flatMap { list in
            (spec[list]?.array ?? []).map { Container(name: $0["name"]?.string ?? "?", json: $0) }
        }
        let isUserNamespaced = self.relaxesUserNamespaces && spec["hostUsers"] == false

        // Once per pod.
        for field in ["hostNetwork", "hostPID", "hostIPC"] {
            require(.hostNamespaces, "pod", (spec[field] ?? .null).isOne(of: [.null, false]))
        }
        for sysctl in podContext["sysctls"]?.array ?? [] {
            let safe: [JSONValue] = [
                "kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_unprivileged_port_start",
                "net.ipv4.tcp_syncookies", "net.ipv4.ping_group_range", "net.ipv4.ip_local_reserved_ports",
                "net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl",
                "net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem",
            ]
            require(.sysctls, "pod", (sysctl["name"] ?? .null).isOne(of: safe))
        }
        for annotation in pod[object: "metadata"]?[object: "annotations"]?.members ?? []
        where annotation.key.hasPrefix("container.apparmor.security.beta.kubernetes.io/") {
            let profile = annotation.value.string ?? ""
            require(.appArmor, "pod", ["", "runtime/default"].contains(profile) || profile.hasPrefix("localhost/"))
        }
        for volume in spec["volumes"]?.array ?? [] {
            let name = volume["name"]?.string ?? "?"
            require(.hostPathVolumes, name, volume["hostPath"] ?? .null == .null)
            let allowed = [
                "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected",
                "secret",
            ]
            require(.volumeTypes, name, allowed.contains { volume[$0] ?? .null != .null })
        }

        // Of the pod and of each container.
        for (place, context) in [("pod", podContext)] + containers.map({ ($0.name, $0.context) }) {
            let hostProcess = context["windowsOptions"]?["hostProcess"] ?? .null
            require(.hostProcess, place, hostProcess.isOne(of: [.null, false]))
            let seLinux = context["seLinuxOptions"] ?? .null
            let types: [JSONValue] = [
                .null, "", "container_t", "container_init_t", "container_kvm_t", "container_engine_t",
            ]
            require(.seLinux, place, (seLinux["type"] ?? .null).isOne(of: types))
            require(.seLinux, place, (seLinux["user"] ?? .null).isOne(of: [.null, ""]))
            require(.seLinux, place, (seLinux["role"] ?? .null).isOne(of: [.null, ""]))
            for (control, member) in [(Control.appArmor, "appArmorProfile"), (.seccomp, "seccompProfile")] {
                let profile = context[member] ?? .null
                require(
                    control,
                    place,
                    profile == .null || (profile["type"] ?? .null).isOne(of: ["RuntimeDefault", "Localhost"])
                )
            }
            if isUserNamespaced { continue }
            require(.runningAsNonRoot, place, (context["runAsNonRoot"] ?? .null).isOne(of: [.null, true]))
            require(.nonRootUser, place, context["runAsUser"] ?? .null != 0)
        }

        // Of each container. What only Linux has is not asked of pods for Windows.
        let isLinux = (spec["os"] ?? .null)["name"] != "windows"
        for container in containers {
            let (name, context) = (container.name, container.context)
            require(.privilegedContainers, name, (context["privileged"] ?? .null).isOne(of: [.null, false]))
            require(.privilegeEscalation, name, !isLinux || context["allowPrivilegeEscalation"] == false)
            require(.procMount, name, (context["procMount"] ?? .null).isOne(of: [.null, "", "Default"]))
            let added = context["capabilities"]?["add"]?.array ?? []
            require(.capabilities, name, added.allSatisfy { $0 == "NET_BIND_SERVICE" })
            require(
                .droppedCapabilities,
                name,
                !isLinux || (context["capabilities"]?["drop"]?.array ?? []).contains("ALL")
            )
            let hasProfile = [context, podContext].contains { $0["seccompProfile"] ?? .null != .null }
            require(.seccomp, name, !isLinux || hasProfile)
            if !isUserNamespaced {
                require(.runningAsNonRoot, name, [context, podContext].contains { $0["runAsNonRoot"] == true })
            }
            for port in container.json["ports"]?.array ?? [] {
                require(.hostPorts, name, (port["hostPort"] ?? .null).isOne(of: [.null, 0]))
            }
            let handlers =
                ["livenessProbe", "readinessProbe", "startupProbe"].compactMap { container.json[$0] }
                + ["postStart", "preStop"].compactMap { container.json["lifecycle"]?[$0] }
            for handler in handlers {
                for action in ["httpGet", "tcpSocket"] {
                    require(.hostProbes, name, (handler[action]?["host"] ?? .null).isOne(of: [.null, ""]))
                }
            }
        }
        return found
    }

    func isSatisfied(by pod: JSONObject) -> Bool { self.violations(pod).isEmpty }
}

extension JSONValue {
    fileprivate func isOne(of values: [JSONValue]) -> Bool { values.contains(self) }
}
