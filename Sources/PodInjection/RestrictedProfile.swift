import JSONTree

/// Whether a pod satisfies the `restricted` profile of the Pod Security Standards by itself: then what is added must not
/// be what the API server refuses it for.
///
/// A rule that newer versions of Kubernetes relax is asked as they do, and one that only newer ones have (hosts of probes)
/// isn't asked: to take a pod for restricted only makes what is added stricter.
struct RestrictedProfile {
    /// False as soon as a member breaks a rule by itself.
    private var isSatisfied = true
    /// Root in a user namespace of its own is nobody on the node.
    private var usesHostUsers = true
    private var pod: JSONObject = [:]
    /// Of all containers.
    private var contexts: [JSONObject] = []

    static func isSatisfied(by document: PodDocument) -> Bool {
        guard let spec = document.outline.spec else { return false }
        do throws(JSONError) {
            var profile = RestrictedProfile()
            try document.read(spec) { (cursor) throws(JSONError) in try profile.readSpec(&cursor) }
            if let annotations = document.outline.allAnnotations {
                try document.read(annotations) { (cursor) throws(JSONError) in try profile.readAnnotations(&cursor) }
            }
            return profile.isSatisfied && profile.areContextsRestricted
        } catch {
            // What can't be read can't be admitted either.
            return false
        }
    }

    // MARK: Reading

    private mutating func readSpec(_ cursor: inout JSONCursor) throws(JSONError) {
        try cursor.readObject { (key, cursor) throws(JSONError) in
            switch key {
            case "hostNetwork", "hostPID", "hostIPC":
                if try cursor.readValue().bool == true { self.isSatisfied = false }
            case "hostUsers": self.usesHostUsers = try cursor.readValue().bool ?? true
            case "securityContext": self.pod = try cursor.readValue().object ?? [:]
            case "containers", "initContainers", "ephemeralContainers":
                _ = try cursor.readList { (cursor) throws(JSONError) in try self.readContainer(&cursor) }
            case "volumes": _ = try cursor.readList { (cursor) throws(JSONError) in try self.readVolume(&cursor) }
            default: try cursor.skip()
            }
        }
    }

    private mutating func readContainer(_ cursor: inout JSONCursor) throws(JSONError) {
        var context: JSONObject = [:]
        try cursor.readObject { (key, cursor) throws(JSONError) in
            switch key {
            case "securityContext": context = try cursor.readValue().object ?? [:]
            case "ports":
                for port in try cursor.readValue().array ?? [] where port["hostPort"]?.int ?? 0 != 0 {
                    self.isSatisfied = false
                }
            default: try cursor.skip()
            }
        }
        self.contexts.append(context)
    }

    private mutating func readVolume(_ cursor: inout JSONCursor) throws(JSONError) {
        try cursor.readObject { (key, cursor) throws(JSONError) in
            switch key {
            case "name", "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim",
                "projected", "secret":
                try cursor.skip()
            default: if try !cursor.readValue().isNull { self.isSatisfied = false }
            }
        }
    }

    /// Before 1.30 AppArmor had annotations, which still count.
    private mutating func readAnnotations(_ cursor: inout JSONCursor) throws(JSONError) {
        if try cursor.peek() == .null { return }
        try cursor.readObject { (key, cursor) throws(JSONError) in
            guard key.string.hasPrefix("container.apparmor.security.beta.kubernetes.io/") else {
                return try cursor.skip()
            }
            let profile = try cursor.readStringOrNull()
            if !profile.isEmpty, profile != "runtime/default", !profile.hasPrefix("localhost/") {
                self.isSatisfied = false
            }
        }
    }

    // MARK: Judging

    private var areContextsRestricted: Bool {
        self.isRestricted(self.pod) && self.areSysctlsSafe
            && self.contexts.allSatisfy { self.isContainerRestricted($0) }
    }

    /// What pod and container have in common.
    private func isRestricted(_ context: JSONObject) -> Bool {
        if self.usesHostUsers, context[bool: "runAsNonRoot"] == false || context[int: "runAsUser"] == 0 { return false }
        if let seccomp = context[object: "seccompProfile"], !Self.isConfined(seccomp) { return false }
        if let appArmor = context[object: "appArmorProfile"], !Self.isConfined(appArmor) { return false }
        if context[object: "windowsOptions"]?[bool: "hostProcess"] == true { return false }
        guard let seLinux = context[object: "seLinuxOptions"] else { return true }
        return Self.seLinuxTypes.contains(seLinux[string: "type"] ?? "")
            && seLinux[string: "user"] ?? "" == "" && seLinux[string: "role"] ?? "" == ""
    }

    private func isContainerRestricted(_ context: JSONObject) -> Bool {
        let capabilities = context[object: "capabilities"] ?? [:]
        let isNonRoot = context[bool: "runAsNonRoot"] ?? self.pod[bool: "runAsNonRoot"] ?? false
        let hasSeccomp = (context[object: "seccompProfile"] ?? self.pod[object: "seccompProfile"]) != nil
        return self.isRestricted(context) && hasSeccomp && (isNonRoot || !self.usesHostUsers)
            && context[bool: "privileged"] != true
            && context[bool: "allowPrivilegeEscalation"] == false
            && (capabilities[strings: "drop"] ?? []).contains("ALL")
            && (capabilities[strings: "add"] ?? []).allSatisfy { $0 == "NET_BIND_SERVICE" }
            && ["", "Default"].contains(context[string: "procMount"] ?? "")
    }

    private var areSysctlsSafe: Bool {
        (self.pod[array: "sysctls"] ?? []).allSatisfy { Self.sysctls.contains($0["name"]?.string ?? "") }
    }

    private static func isConfined(_ profile: JSONObject) -> Bool {
        ["RuntimeDefault", "Localhost"].contains(profile[string: "type"] ?? "")
    }

    private static let seLinuxTypes = [
        "", "container_t", "container_init_t", "container_kvm_t", "container_engine_t",
    ]

    private static let sysctls = [
        "kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_local_reserved_ports",
        "net.ipv4.ip_unprivileged_port_start", "net.ipv4.ping_group_range", "net.ipv4.tcp_fin_timeout",
        "net.ipv4.tcp_keepalive_intvl", "net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_keepalive_time",
        "net.ipv4.tcp_rmem", "net.ipv4.tcp_syncookies", "net.ipv4.tcp_wmem",
    ]
}
