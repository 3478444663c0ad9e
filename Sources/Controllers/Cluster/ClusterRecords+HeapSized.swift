import JSONTree
import KubeModel
import KubeRuntime
import PodInjection
import Rendering
import TelemetryAPI

// What `swiftlet_cache_bytes` adds up.

extension NamespaceRecord: HeapSized {
    var heapBytes: Int {
        // An entry is a key and a string; most values are too short to need a buffer of their own.
        let count = self.annotations.count
        return (count == 0 ? 0 : heapBuffer(count * 32) + self.annotations.textBytes)
            + self.openShiftAnnotations.heapBytes
    }
}

extension OwnersRecord: HeapSized {
    var heapBytes: Int {
        heapBuffer(self.owners.count * MemoryLayout<JSONObject>.stride)
            + self.owners.reduce(0) { $0 + $1.json.heapBytes }
    }
}

extension InstrumentationRecord: HeapSized {
    var heapBytes: Int { self.instrumentation.json.heapBytes }
}

extension CollectorRecord: HeapSized {
    var heapBytes: Int {
        heapBuffer(self.size) + self.key.namespace.heapBytes + self.key.name.heapBytes
            + (self.targetAllocator?.heapBytes ?? 0)
    }
}

extension TargetAllocatorRecord: HeapSized {
    var heapBytes: Int {
        heapBuffer(self.size) + self.facts.name.heapBytes + (self.facts.mutualTLS?.json.heapBytes ?? 0)
    }
}

extension OwnedRecord: HeapSized {
    var heapBytes: Int {
        let object = self.object
        let reference = object.reference
        let texts = [
            reference.groupVersionKind.group, reference.groupVersionKind.kind, reference.key.namespace,
            reference.key.name, self.uid, object.creationTimestamp, object.resourceVersion, object.collector ?? "",
            self.collector, self.targetAllocator, self.appliedHash ?? "", self.workload.image,
        ]
        var bytes = texts.reduce(0) { $0 + $1.heapBytes }
        for metadata in [object.applied, object.appliedToTemplate] {
            bytes += metadata.labels.heapBytes + metadata.annotations.heapBytes
        }
        if let fixed = object.fixed {
            bytes += fixed.selector.heapBytes + JSONValue.array(fixed.volumeClaimTemplates).heapBytes
        }
        return bytes + heapBuffer(self.content?.size ?? 0)
    }
}
