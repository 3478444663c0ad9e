// Specification section 7.9: settings only, for programs that bring their own SDK.
extension Injection {
    mutating func injectSDK(_ request: Request) {
        let (places, unknown) = self.draft.targets(request.containers)
        self.refuseUnknown(unknown, request)
        for place in places {
            self.addCommonEnvironment(to: place, request.settings)
            self.addSDKEnvironment(to: place, describing: place, request)
        }
        if !places.isEmpty { self.record(request, injected: places.map { self.draft[$0].name }) }
    }
}
