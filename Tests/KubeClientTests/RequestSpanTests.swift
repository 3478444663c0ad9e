import Testing

@testable import KubeClient

/// Paths without the names in them.
struct RequestSpanTests {
    @Test(arguments: [
        ("/api/v1/namespaces/shop/pods/web-1", "/api/v1/namespaces/{namespace}/pods/{name}"),
        ("/api/v1/namespaces/shop/pods/web-1/log", "/api/v1/namespaces/{namespace}/pods/{name}/log"),
        ("/api/v1/namespaces/shop/pods", "/api/v1/namespaces/{namespace}/pods"),
        ("/api/v1/pods", "/api/v1/pods"),
        ("/api/v1/namespaces", "/api/v1/namespaces"),
        ("/api/v1/namespaces/shop", "/api/v1/namespaces/{name}"),
        ("/api/v1/namespaces/shop/status", "/api/v1/namespaces/{name}/status"),
        // A custom resource may be called anything, only not in the core group.
        ("/apis/apps/v1/namespaces/shop/deployments/web", "/apis/apps/v1/namespaces/{namespace}/deployments/{name}"),
        (
            "/apis/apps/v1/namespaces/shop/deployments/web/scale",
            "/apis/apps/v1/namespaces/{namespace}/deployments/{name}/scale"
        ),
        (
            "/apis/rbac.authorization.k8s.io/v1/clusterroles/web",
            "/apis/rbac.authorization.k8s.io/v1/clusterroles/{name}"
        ),
        ("/apis/apps/v1", "/apis/apps/v1"), ("/apis", "/apis"), ("/api", "/api"), ("/api/v1", "/api/v1"),
        ("/version", "/version"), ("/openapi/v3/apis/apps/v1", "/openapi/v3/apis/apps/v1"), ("", ""), ("/", "/"),
    ])
    func template(_ path: String, _ template: String) {
        #expect(RequestSpan.template(of: path) == template)
    }
}
