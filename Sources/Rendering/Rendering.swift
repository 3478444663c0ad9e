// Rendering: custom resource and cluster facts in, desired objects out. No client, no clock, no logger; equal inputs
// give equal outputs, down to the order of members.
//
// For a controller:
//
//     let inputs = CollectorInputs(collector: collector, settings: settings, facts: facts, owned: owned)
//     let plan = try plan(inputs)                    // throws(PlanError): report it as `.failed` below
//     // 1. delete plan.recreate (uid precondition, background): their next reconcile creates them anew
//     // 2. server-side apply plan.apply in order, forced, with the operator's own field manager
//     // 3. if all went well delete plan.prune (uid precondition)
//     // 4. let status = collectorStatus(StatusInputs(…)); write it through /status when it differs
//
// - `owned` is everything the collector owns: objects of any kind whose controller is this collector, and ClusterRoles
//   and ClusterRoleBindings with its selector labels (``ObjectLabels/selector(_:component:)``). Make each entry from the
//   live object with `OwnedObject(object, fieldManagers:)`; Deployments, DaemonSets and StatefulSets need their
//   `managedFields`, spec selector, template metadata and volume claims, other kinds only their metadata.
// - An unmanaged collector gives an empty plan with `isManaged == false`: apply nothing, write no status.
// - A collector with the label `opentelemetry.io/target-allocator` needs `targetAllocator` from that TargetAllocator
//   (`TargetAllocatorFacts(resource)`); without the label leave it nil, an embedded one is found in the collector.
//
// For admission: `defaultCollector(_:settings:)` and `validateCollector(_:old:settings:facts:)` in `Admission/`.
// For pod injection: `sidecarParts(for:settings:facts:)`.
