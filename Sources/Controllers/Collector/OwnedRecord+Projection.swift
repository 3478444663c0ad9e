package import JSONTree
package import KubeModel
import Rendering

extension OwnedRecord {
    /// Reads the next value as an object of a kind (objects of lists don't say what they are).
    ///
    /// - Parameter verified: objects of which the content need not be kept, when their fingerprint is the same.
    package init(
        _ cursor: inout JSONCursor,
        resource: APIResource,
        verified: VerifiedObjects
    ) throws(JSONError) {
        let marksWithLabel = OwnedRecord.marksWithLabel(resource)
        var reader = Reader(readsLabels: !resource.isNamespaced, marksWithLabel: marksWithLabel)
        let start = cursor
        try reader.read(&cursor)
        var whole = start
        let raw = try whole.skipToRaw()
        let isWorkload = resource.group == "apps"
        if isWorkload {
            // Managed fields, selector and template are needed of these; there is one for each collector.
            guard var tree = try JSONValue(parsing: raw).object else {
                throw JSONError(.unexpectedKind, "expected an object", offset: start.offset)
            }
            tree["apiVersion"] = .string(resource.apiVersion)
            tree["kind"] = .string(resource.kind)
            let object = KubeObject(tree)
            self.object = OwnedObject(object, fieldManagers: [ApplyEngine.fieldManager, ApplyEngine.predecessor])
            reader.workload.image = tree[path: "spec", "template", "spec", "containers"]?[0]?["image"]?.string ?? ""
        } else {
            self.object = OwnedObject(
                ObjectReference(resource.groupVersionKind, reader.key, uid: reader.uid),
                creationTimestamp: reader.creationTimestamp,
                resourceVersion: reader.resourceVersion,
                isDeleting: reader.isDeleting,
                collector: reader.annotatedCollector
            )
        }
        self.collector = reader.annotatedCollector ?? reader.labelledCollector ?? ""
        if let owner = reader.controller, owner.kind == "OpenTelemetryCollector", owner.group == "opentelemetry.io" {
            self.collector = "\(reader.key.namespace)/\(owner.name)"
        }
        self.targetAllocator = ""
        if let owner = reader.controller, owner.kind == "TargetAllocator", owner.group == "opentelemetry.io" {
            self.targetAllocator = "\(reader.key.namespace)/\(owner.name)"
        }
        self.appliedHash = reader.appliedHash
        self.isWrittenByPredecessor = reader.isWrittenByPredecessor
        self.fingerprint = reader.fingerprint.value
        self.workload = isWorkload ? reader.workload : Workload()
        self.content = nil
        if verified.fingerprint(of: reader.uid) != self.fingerprint { self.content = Content(Array(raw)) }
    }

    /// One pass over the bytes.
    private struct Reader {
        let readsLabels: Bool
        let marksWithLabel: Bool
        var key = ObjectKey(name: "")
        var uid = ""
        var resourceVersion = ""
        var creationTimestamp = ""
        var isDeleting = false
        var controller: OwnerReference?
        var appliedHash: String?
        var isWrittenByPredecessor = false
        var annotatedCollector: String?
        /// What the labels of a cluster-scoped object say, which is all that the Go operator left there.
        var labelledCollector: String?
        var workload = Workload()
        var fingerprint = Fingerprint()

        mutating func read(_ cursor: inout JSONCursor) throws(JSONError) {
            try cursor.readObject { (key, cursor) throws(JSONError) in
                switch key {
                case "apiVersion", "kind": try cursor.skip()
                case "metadata": try self.readMetadata(&cursor)
                case "status": try self.readStatus(&cursor)
                default: self.fingerprint.add(key.string, try cursor.skipToRaw())
                }
            }
        }

        private mutating func readMetadata(_ cursor: inout JSONCursor) throws(JSONError) {
            try cursor.readObject { (key, cursor) throws(JSONError) in
                switch key {
                case "name": self.key.name = try cursor.readString()
                case "namespace": self.key.namespace = try cursor.readString()
                case "uid": self.uid = try cursor.readString()
                case "resourceVersion": self.resourceVersion = try cursor.readString()
                case "creationTimestamp": self.creationTimestamp = try cursor.readStringIfPresent() ?? ""
                case "deletionTimestamp": self.isDeleting = try cursor.readStringIfPresent() != nil
                case "labels":
                    var again = cursor
                    self.fingerprint.add("labels", try cursor.skipToRaw())
                    if self.readsLabels || self.marksWithLabel, try again.peek() == .object {
                        let labels = try again.readObjectTree()
                        if self.readsLabels { self.labelledCollector = Self.collector(labels: labels) }
                        if self.marksWithLabel { self.appliedHash = labels[string: OwnedRecord.hashAnnotation] }
                    }
                case "annotations":
                    var again = cursor
                    self.fingerprint.add("annotations", try cursor.skipToRaw())
                    try self.readAnnotations(&again)
                case "ownerReferences":
                    var again = cursor
                    self.fingerprint.add("ownerReferences", try cursor.skipToRaw())
                    try again.readArray { (cursor) throws(JSONError) in
                        let owner = OwnerReference(try cursor.readObjectTree())
                        if owner.isController { self.controller = owner }
                    }
                case "managedFields": try self.readManagers(&cursor)
                default: try cursor.skip()
                }
            }
        }

        /// An entry that holds only metadata may be of any program whose file is called `manager`; the Go operator writes
        /// what objects say.
        private mutating func readManagers(_ cursor: inout JSONCursor) throws(JSONError) {
            guard try cursor.peek() == .array else { return try cursor.skip() }
            try cursor.readArray { (cursor) throws(JSONError) in
                var (manager, operation, subresource) = ("", "", "")
                var writesMore = false
                try cursor.readObject { (key, cursor) throws(JSONError) in
                    switch key {
                    case "manager": manager = try cursor.readStringIfPresent() ?? ""
                    case "operation": operation = try cursor.readStringIfPresent() ?? ""
                    case "subresource": subresource = try cursor.readStringIfPresent() ?? ""
                    case "fieldsV1" where try cursor.peek() == .object:
                        try cursor.readObject { (key, cursor) throws(JSONError) in
                            switch key {
                            case "f:metadata", "f:status": break
                            default: writesMore = true
                            }
                            try cursor.skip()
                        }
                    default: try cursor.skip()
                    }
                }
                if manager == ApplyEngine.predecessor, operation == "Update", subresource.isEmpty, writesMore {
                    self.isWrittenByPredecessor = true
                }
            }
        }

        /// The instance label is `namespace.name`, and names of namespaces have no dot; cut to 63 characters it may name
        /// nobody or somebody else, so that is left alone.
        private static func collector(labels: JSONObject) -> String? {
            guard labels[string: "app.kubernetes.io/component"] == "opentelemetry-collector",
                let instance = labels[string: "app.kubernetes.io/instance"], instance.utf8.count < 63,
                let dot = instance.firstIndex(of: ".")
            else { return nil }
            let name = instance[instance.index(after: dot)...]
            return dot == instance.startIndex || name.isEmpty ? nil : "\(instance[..<dot])/\(name)"
        }

        private mutating func readAnnotations(_ cursor: inout JSONCursor) throws(JSONError) {
            guard try cursor.peek() == .object else { return }
            try cursor.readObject { (key, cursor) throws(JSONError) in
                let name = key.string
                if name == OwnedRecord.hashAnnotation, !self.marksWithLabel {
                    self.appliedHash = try cursor.readStringIfPresent()
                } else if name == ObjectAnnotations.collector {
                    self.annotatedCollector = try cursor.readStringIfPresent()
                } else {
                    try cursor.skip()
                }
            }
        }

        private mutating func readStatus(_ cursor: inout JSONCursor) throws(JSONError) {
            guard try cursor.peek() == .object else { return try cursor.skip() }
            try cursor.readObject { (key, cursor) throws(JSONError) in
                guard try cursor.peek() == .number else { return try cursor.skip() }
                let number = try cursor.readNumber().int ?? 0
                switch key {
                case "replicas": self.workload.replicas = number
                case "readyReplicas": self.workload.readyReplicas = number
                case "desiredNumberScheduled": self.workload.desiredNumberScheduled = number
                case "numberReady": self.workload.numberReady = number
                default: break
                }
            }
        }
    }
}

/// 64-bit FNV-1a over names and raw values, eight bytes a step. No protection against malice is needed: a collision only
/// makes an object that its owner changed on purpose look unchanged.
struct Fingerprint {
    private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325

    mutating func add(_ name: String, _ raw: UnsafeBufferPointer<UInt8>) {
        for byte in name.utf8 { self.mix(UInt64(byte)) }
        let words = UnsafeRawBufferPointer(raw)
        var place = 0
        while place + 8 <= raw.count {
            self.mix(words.loadUnaligned(fromByteOffset: place, as: UInt64.self))
            place += 8
        }
        while place < raw.count {
            self.mix(UInt64(raw[place]))
            place += 1
        }
        self.mix(UInt64(raw.count))
    }

    private mutating func mix(_ word: UInt64) {
        self.value = (self.value ^ word) &* 0x0000_0100_0000_01B3
        self.value ^= self.value >> 29
    }
}
