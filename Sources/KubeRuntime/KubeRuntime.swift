// The controller runtime: follow objects, keep what matters of them, work on keys, lead, tell.
//
//     let target = WatchTarget(collectorResource)                     // from discovery, or an APIResource literal
//     let collectors = Store(client: client, target: target,           // or any small Equatable struct as projection
//         projection: KubeObject.projection(of: collectorResource))
//     let owned = WatchTarget(.deployments, labelSelector: "app.kubernetes.io/managed-by=opentelemetry-operator")
//     let deployments = Store(metadataOf: owned, client: client, indexes: [.ownerUID])
//     let events = EventRecorder(client: client, reporter: EventReporter(controller: "opentelemetry-operator", instance: pod))
//
//     let controller = Controller<ObjectKey>(name: "collector", kind: "OpenTelemetryCollector", parallelism: 4) { key in
//         guard let collector = collectors[key] else { return .done } // deleted
//         let existing = deployments.items(by: .ownerUID, collector.metadata.uid ?? "")
//         … plan, apply …                                              // Logger.current names the object
//         return .requeue(after: .seconds(600))                        // or .done; errors are retried with backoff
//     }
//     controller.watch(collectors, where: \.isMoreThanStatus)          // wakes the object itself
//     controller.watch(owned: deployments, by: GroupKind(group: "opentelemetry.io", kind: "OpenTelemetryCollector"))
//
//     let elector = try LeaderElector(client: client, namespace: ns, name: "9f7554c3.opentelemetry.io",
//         identity: LeaderElector.makeIdentity(host: pod))
//     let leader = LeaderServices(elector, services: [controller])     // without election: controller itself
//     // Started in this order, stopped in reverse:
//     try await ServiceGroup(services: [collectors, deployments, events, leader], gracefulShutdownSignals: [.sigterm],
//         logger: logger).run()
//
// Subscriptions begin when a controller runs, after its stores are complete, and replay what is there: a replica that is
// not the leader queues nothing. An update that leaves a projection equal wakes nobody. Bootstrap logging and metrics
// before making any of these: metric handles are made once, in initializers.
