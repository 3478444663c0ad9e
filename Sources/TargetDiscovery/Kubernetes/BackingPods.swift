import KubeModel
import PrometheusModel

/// The pods behind the endpoints of a service, and which of their ports became targets.
struct BackingPods {
    private var pods: [(record: PodRecord, ports: Set<Int>)] = []
    private var places: [ObjectKey: Int] = [:]

    /// The pod of a reference; remembers that this port of it is a target.
    mutating func use(_ reference: TargetReference?, port: Int?, _ lookup: DiscoveryLookup) -> PodRecord? {
        guard let key = reference?.pod else { return nil }
        if let place = self.places[key] {
            if let port { self.pods[place].ports.insert(port) }
            return self.pods[place].record
        }
        guard let pod = lookup.pod(key) else { return nil }
        self.places[key] = self.pods.count
        self.pods.append((pod, port.map { [$0] } ?? []))
        return pod
    }

    /// A target for each port of these pods that the service does not list: a service often names only the port for its
    /// clients.
    func unlistedTargets() -> [[Label]] {
        var targets: [[Label]] = []
        for (pod, ports) in self.pods where !pod.address.isEmpty {
            for container in pod.containers {
                for port in container.ports where !ports.contains(port.number) {
                    var own = LabelDraft(reservingCapacity: 48)
                    own.set(Label.address, pod.address.joined(port: port.number))
                    own.set(container, port, transport: port.transport)
                    own.set(pod)
                    targets.append(own.finished())
                }
            }
        }
        return targets
    }
}

extension PodRecord {
    /// The container that has this port, the last one if several say so.
    func container(with number: Int?) -> (container: Container, port: Port)? {
        for container in self.containers.reversed() {
            if let port = container.ports.first(where: { $0.number == number }) { return (container, port) }
        }
        return nil
    }
}
