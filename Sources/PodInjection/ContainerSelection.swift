import TelemetryAPI

/// Which containers a language goes into (specification sections 4.3 and 4.4).
enum ContainerSelection {
    /// The names of a list annotation; `nil` when it holds anything but letters, digits, hyphens and commas.
    static func names(in value: String) -> [String]? {
        let isAcceptable = value.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || byte == 0x2C
                || byte == 0x2D
        }
        guard isAcceptable else { return nil }
        return value.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    }

    /// The names that stand in a list more than once, sorted.
    static func duplicates(_ names: [String]) -> [String] {
        if names.count < 2 { return [] }
        var seen: Set<String> = []
        var twice: Set<String> = []
        for name in names where !name.isEmpty {
            if !seen.insert(name).inserted { twice.insert(name) }
        }
        return twice.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    /// Why several languages can't be injected as their lists are; `nil` when they can.
    static func problem(_ lists: [(language: Language, names: [String])]) -> (code: ReasonCode, text: String)? {
        var listed = 0
        for list in lists {
            if !list.names.isEmpty { listed += 1 }
            let twice = Self.duplicates(list.names)
            if !twice.isEmpty {
                return (
                    .duplicateContainerNames,
                    "duplicated container names detected: [\(twice.joined(separator: " "))]"
                )
            }
        }
        if lists.isEmpty { return (.noAnnotation, "instrumentation configuration not provided") }
        if lists.count > 1, listed < lists.count {
            return (
                .missingContainerNames,
                "incorrect instrumentation configuration - please provide container names for all instrumentations"
            )
        }
        return nil
    }
}

extension PodDraft {
    /// The containers of a list in the order they are worked on: init containers as the pod has them, then regular
    /// containers as the list has them; of an empty list the first regular container. And the names that aren't there, as
    /// many as are worth telling.
    func targets(_ names: [String]) -> (places: [ContainerPlace], unknown: [String]) {
        if names.isEmpty {
            return (self.containers.containers.isEmpty ? [] : [.container(0)], [])
        }
        if names.count == 1 { return self.targets(named: names[0]) }
        // Lists and pods may be long: each is gone through once.
        let wanted = Set(names)
        func firstPlaces(_ containers: [ContainerDraft]) -> [String: Int] {
            var places: [String: Int] = [:]
            for (place, container) in containers.enumerated() where wanted.contains(container.name) {
                if places[container.name] == nil { places[container.name] = place }
            }
            return places
        }
        let regularPlaces = firstPlaces(self.containers.containers)
        let initPlaces = firstPlaces(self.initContainers.containers)
        var regular: [ContainerPlace] = []
        var unknown: [String] = []
        var seen: Set<String> = []
        for name in names where seen.insert(name).inserted {
            if let place = regularPlaces[name] {
                regular.append(.container(place))
            } else if initPlaces[name] == nil, !name.isEmpty, unknown.count < Self.toldUnknownNames {
                unknown.append(name)
            }
        }
        var places: [ContainerPlace] = []
        for (place, container) in self.initContainers.containers.enumerated()
        where wanted.contains(container.name) && regularPlaces[container.name] == nil {
            places.append(.initContainer(place))
        }
        return (places + regular, unknown)
    }

    /// The same for one name, which is what most lists are.
    private func targets(named name: String) -> (places: [ContainerPlace], unknown: [String]) {
        if let place = self.containers.place(of: name) { return ([.container(place)], []) }
        let places = self.initContainers.containers.indices
            .filter { self.initContainers.containers[$0].name == name }
            .map(ContainerPlace.initContainer)
        return (places, places.isEmpty && !name.isEmpty ? [name] : [])
    }

    private static var toldUnknownNames: Int { 16 }
}

extension ParsedPod {
    /// Whether a pod shows signs of injection (specification section 4.5).
    var isAlreadyInstrumented: Bool {
        for container in self.initContainers.containers where InjectedName.initContainers.contains(container.name) {
            return true
        }
        for container in self.containers.containers {
            if container.name == InjectedName.goContainer { return true }
            if container.name != InjectedName.sidecar, container.environment.contains(.nodeName) { return true }
        }
        return false
    }

    func hasSidecar(native: Bool) -> Bool {
        self.containers.contains(InjectedName.sidecar) || native && self.initContainers.contains(InjectedName.sidecar)
    }
}

/// Names of what is injected (specification sections 4.5 and 5.1).
enum InjectedName {
    static let sidecar = "otc-container"
    static let goContainer = "opentelemetry-auto-instrumentation"
    static let agentSourceClone = "otel-agent-source-container-clone"
    static let apacheAttach = "otel-agent-attach-apache"
    static let nginxAttach = "otel-agent-attach-nginx"

    /// Init containers that show that a pod was injected.
    static let initContainers = [
        "opentelemetry-auto-instrumentation-java", "opentelemetry-auto-instrumentation-nodejs",
        "opentelemetry-auto-instrumentation-python", "opentelemetry-auto-instrumentation-dotnet", Self.apacheAttach,
        Self.agentSourceClone,
    ]
}
