import JSONTree

/// Whether a pod satisfies the `restricted` profile of the Pod Security Standards by itself: then what is added must not
/// be what the API server refuses it for.
///
/// A rule that newer versions of Kubernetes relax is asked as they do, and one that only newer ones have (hosts of probes)
/// isn't asked: to take a pod for restricted only makes what is added stricter.
struct RestrictedProfile {
    /// Annotations and the members of `spec` that break a rule by themselves. Of members with the same name the last one
    /// counts, as everywhere.
    private var broken: Set<String> = []
    /// Root in a user namespace of its own is nobody on the node.
    private var usesHostUsers = true
    private var pod: JSONObject = [:]
    /// Of all containers, by the list they are in.
    private var contexts: [String: [JSONObject]] = [:]

    static func isSatisfied(by document: PodDocument) -> Bool {
        guard let spec = document.outline.spec else { return false }
        do throws(JSONError) {
            var profile = RestrictedProfile()
            try document.read(spec) { (cursor) throws(JSONError) in try profile.readSpec(&cursor) }
            if let annotations = document.outline.allAnnotations {
                try document.read(annotations) { (cursor) throws(JSONError) in try profile.readAnnotations(&cursor) }
            }
            return profile.broken.isEmpty && profile.areContextsRestricted
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
                let isShared = try cursor.readValue().bool == true
                self.note(key.string, isBroken: isShared)
            case "hostUsers": self.usesHostUsers = try cursor.readValue().bool ?? true
            case "securityContext": self.pod = try cursor.readValue().object ?? [:]
            case "containers", "initContainers", "ephemeralContainers":
                let list = key.string
                self.contexts[list] = []
                try self.readList(list, &cursor) { (profile, cursor) throws(JSONError) in
                    try profile.readContainer(of: list, &cursor)
                }
            case "volumes":
                try self.readList("volumes", &cursor) { (profile, cursor) throws(JSONError) in
                    try profile.readVolume(&cursor)
                }
            default: try cursor.skip()
            }
        }
    }

    /// A list of the pod. Of members with one name the last counts, so an impossible one must not end the reading.
    private mutating func readList(
        _ name: String,
        _ cursor: inout JSONCursor,
        _ body: (inout Self, inout JSONCursor) throws(JSONError) -> Void
    ) throws(JSONError) {
        let kind = try cursor.peek()
        self.note(name, isBroken: kind != .array && kind != .null)
        guard kind == .array else { return try cursor.skip() }
        try cursor.readArray { (cursor) throws(JSONError) in try body(&self, &cursor) }
    }

    private mutating func note(_ member: String, isBroken: Bool) {
        if isBroken { self.broken.insert(member) } else { self.broken.remove(member) }
    }

    private mutating func readContainer(of list: String, _ cursor: inout JSONCursor) throws(JSONError) {
        var context: JSONObject = [:]
        var usesHostPort = false
        try cursor.readObject { (key, cursor) throws(JSONError) in
            switch key {
            case "securityContext": context = try cursor.readValue().object ?? [:]
            case "ports":
                usesHostPort = (try cursor.readValue().array ?? []).contains { $0["hostPort"]?.int ?? 0 != 0 }
            default: try cursor.skip()
            }
        }
        self.contexts[list, default: []].append(context)
        if usesHostPort { self.note(list, isBroken: true) }
    }

    private mutating func readVolume(_ cursor: inout JSONCursor) throws(JSONError) {
        try cursor.readObject { (key, cursor) throws(JSONError) in
            switch key {
            case "name", "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim",
                "projected", "secret":
                try cursor.skip()
            default: if try !cursor.readValue().isNull { self.note("volumes", isBroken: true) }
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
                self.note("annotations", isBroken: true)
            }
        }
    }

    // MARK: Judging

    private var areContextsRestricted: Bool {
        self.isRestricted(self.pod) && self.areSysctlsSafe
            && self.contexts.values.joined().allSatisfy { self.isContainerRestricted($0) }
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
