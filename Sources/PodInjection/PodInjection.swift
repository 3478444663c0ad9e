// What annotated pods get: agents, SDK settings and collector sidecars (specification `injection.md`).
//
// Everything here is a function of values. The shell (webhook handler, `swiftlet inject`, `swiftlet explain`) reads bytes,
// answers the lookups it is told to make, and passes the outcome on:
//
//     // 1. Read the review without building a tree. A JSONError is an HTTP 400.
//     let request = try AdmissionRequest(scanning: body)                          // body: [UInt8]
//     guard let pod = request.pod else {                                          // no object, or not a pod's shape
//         return AdmissionAnswer.denied(request.uid, code: 400, message: request.problem)
//     }
//
//     // 2. The namespace from a store; nil (with a reason) is an answer with status 500, the pod stays as it is.
//     let namespace = InjectionNamespace(name: request.namespace, annotations: InjectionAnnotations(pairs))
//     var inputs = InjectionInputs(pod: pod, namespace: .found(namespace), settings: settings)
//
//     // 3. The fast path: nothing asked for, neither by the pod nor by its namespace.
//     if inputs.asksForNothing { return AdmissionAnswer.allowed(request.uid) }
//
//     // 4. What must be known, in a few rounds: Instrumentations, collectors and owners; then owners of owners, Secrets
//     //    and ConfigMaps. Answer each lookup, whatever happened (`.notFound`, `.failed(message)`).
//     while case let missing = inputs.missingLookups(), !missing.isEmpty {
//         for lookup in missing { inputs.answer(lookup, with: await cluster.answer(to: lookup)) }
//     }
//
//     // 5. Decide, change, answer.
//     let outcome = inject(inputs)
//     outcome.decisions                     // one per language and sidecar that was asked for: code, sentence, containers
//     outcome.events, outcome.warnings      // for the Event recorder; warnings are in the answer already
//     return AdmissionAnswer.answer(request.uid, outcome)
//
// Without a cluster (`swiftlet inject -f`) the pod comes as a tree and the answers from the same file:
//
//     var inputs = InjectionInputs(pod: try PodDocument(tree), namespace: .found(namespace), settings: settings)
//     while … { … }                         // InjectionCatalog(objects).answer(to: lookup) answers from a list of objects
//     let changed = try inject(inputs).applied(to: tree)
//
// The pod is never decoded into types and written back. ``ReviewScanner`` finds the annotations and the places of a few
// members; only if something is asked for these are read into a ``ParsedPod``; a ``PodDraft`` of it is edited; and the
// edits themselves are the JSON Patch. A member that isn't spoken of here cannot be changed.
//
// A language is one file in Languages/: for agents that are copied into a volume it fills in an ``Agent``.
