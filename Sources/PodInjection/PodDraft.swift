import JSONTree
import KubeModel

/// A pod while it is edited.
///
/// The edits become a JSON Patch with ``patch()``; what isn't modelled cannot be changed.
struct PodDraft: Sendable {
    /// Where a container of the draft is.
    enum ContainerPlace: Sendable, Hashable {
        case initContainer(Int)
        case container(Int)
    }

    /// The pod as it came.
    let pod: ParsedPod

    private(set) var initContainers: ContainerList
    private(set) var containers: ContainerList
    private(set) var addedVolumes: [JSONObject] = []
    private(set) var addedLabels: [Attribute] = []
    /// The text of the stamp, `nil` when it stays as it is.
    private(set) var newStamp: String?
    private(set) var sharesProcessNamespace = false

    init(_ pod: ParsedPod) {
        self.pod = pod
        self.initContainers = pod.initContainers
        self.containers = pod.containers
    }

    // MARK: Reading

    func hasVolume(_ name: String) -> Bool {
        self.pod.volumeNames.contains(name) || self.addedVolumes.contains { $0[string: "name"] == name }
    }

    /// The security context of a container, `nil` when it has none.
    func securityContext(of place: ContainerPlace) -> JSONObject? {
        let container = self[place]
        return self.member(container.securityContextPlace, of: container, "securityContext")?.object
    }

    // MARK: Editing

    subscript(place: ContainerPlace) -> ContainerDraft {
        get {
            switch place {
            case .initContainer(let index): self.initContainers[index]
            case .container(let index): self.containers[index]
            }
        }
        _modify {
            switch place {
            case .initContainer(let index): yield &self.initContainers[index]
            case .container(let index): yield &self.containers[index]
            }
        }
    }

    mutating func addContainer(_ container: ContainerDraft) { self.containers.append(container) }
    mutating func addInitContainer(_ container: ContainerDraft) { self.initContainers.append(container) }
    mutating func insertInitContainer(_ container: ContainerDraft, at place: Int) {
        self.initContainers.insert(container, at: place)
    }
    mutating func removeContainers(named name: String) { self.containers.removeAll(named: name) }
    mutating func removeInitContainers(named name: String) { self.initContainers.removeAll(named: name) }

    mutating func addVolume(_ volume: JSONObject) {
        self.addedVolumes.append(volume)
    }

    mutating func addVolumeIfAbsent(_ volume: JSONObject) {
        if !self.hasVolume(volume[string: "name"] ?? "") { self.addVolume(volume) }
    }

    mutating func setLabel(_ key: String, _ value: String) {
        self.addedLabels.append(Attribute(key: key, value: value))
    }

    /// Says on the pod what was decided.
    mutating func stamp(_ decisions: [Decision]) {
        let outline = self.pod.document.outline
        let old = outline.stamp ?? ""
        let text = InjectionStamp(decisions, over: InjectionStamp(parsing: old)).text
        guard !text.isEmpty, text != old else { return self.newStamp = nil }
        // A pod must not be refused for what is said on it. JSON text is never shorter than what it stands for.
        let size = (outline.allAnnotations?.count ?? 0) + InjectionStamp.annotation.utf8.count + text.utf8.count
        self.newStamp = size > InjectionStamp.annotationLimit ? nil : text
    }

    mutating func shareProcessNamespace() { self.sharesProcessNamespace = true }
}
