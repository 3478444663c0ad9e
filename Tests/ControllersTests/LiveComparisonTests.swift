import JSONTree
import Rendering
import Testing

/// Whether an object of the cluster already says what is wanted.
struct LiveComparisonTests {
    private func holds(_ wanted: String, _ live: String) throws -> Bool {
        LiveComparison.holds(try yaml("x: \(wanted)"), in: try yaml("x: \(live)"))
    }

    @Test(arguments: [
        ("a", "a"), ("1", "1"), ("1.0", "1"), ("{a: 1}", "{a: 1, b: 2}"), ("{}", "{a: 1}"), ("[a, b]", "[a, b]"),
        // Quantities in another writing.
        ("{cpu: '1'}", "{cpu: 1000m}"), ("{memory: 1024Mi}", "{memory: 1Gi}"), ("{cpu: 1}", "{cpu: '1'}"),
        ("{cpu: '0.5'}", "{cpu: 500m}"), ("{cpu: 0.5}", "{cpu: 500m}"), ("{memory: 128974848}", "{memory: 123Mi}"),
        // Defaults of the server.
        ("[{name: a, port: 1}]", "[{name: a, port: 1, protocol: TCP, targetPort: 1}]"),
        // Elements that others added, and another order.
        ("[{name: a, value: x}]", "[{name: b}, {name: a, value: x}]"),
        ("[{name: a}, {name: b}]", "[{name: b}, {name: a}]"),
        (
            "[{name: v, mountPath: /a}, {name: v, mountPath: /b}]",
            "[{name: v, mountPath: /b}, {name: o, mountPath: /c}, {name: v, mountPath: /a}]"
        ),
        ("[{apiVersion: v1, uid: u1}]", "[{uid: u2}, {apiVersion: v1, uid: u1}]"),
    ])
    func held(_ wanted: String, _ live: String) throws {
        #expect(try self.holds(wanted, live))
    }

    @Test(arguments: [
        ("a", "b"), ("1", "2"), ("'true'", "true"), ("{a: 1}", "{b: 1}"), ("{a: {b: 1}}", "{a: 1}"),
        ("[a, b]", "[b, a]"),
        ("[a]", "[a, b]"), ("[a, b]", "[a]"), ("[]", "[a]"), ("a", "null"), ("{cpu: '1'}", "{cpu: 100m}"),
        ("{cpu: 1}", "{cpu: 2000m}"), ("1Gi", "1G"), ("[{name: a, value: x}]", "[{name: a, value: y}]"),
        ("[{name: a}, {name: b}]", "[{name: a}, {name: c}]"), ("[{name: a, args: [x]}]", "[{name: a, args: [x, y]}]"),
        ("[{verbs: [get]}]", "[{verbs: [get]}, {verbs: ['*']}]"),
        ("[{name: a, port: 1}, {name: a, port: 2}]", "[{name: a, port: 1}, {name: a, port: 3}]"),
        // What looks like a number but is text in which every character counts.
        ("'1.10'", "'1.1x'"), ("1e3x", "1000x"),
    ])
    func differs(_ wanted: String, _ live: String) throws {
        #expect(try !self.holds(wanted, live))
    }

    @Test func absent() throws {
        for empty in ["{}", "[]", "''", "null", "{a: {b: []}}"] {
            #expect(LiveComparison.holds(try yaml("x: \(empty)"), in: [:]))
        }
        for value in ["a", "true", "false", "0", "1", "[a]", "{a: 1}"] {
            #expect(LiveComparison.holds(try yaml("x: \(value)"), in: [:]) == false)
        }
    }

    @Test func identityAndStatusDoNotCount() throws {
        #expect(
            LiveComparison.holds(
                try yaml("{apiVersion: policy/v1, kind: X, status: {a: 1}, spec: {a: 1}}"),
                in: try yaml("{apiVersion: policy/v1beta1, spec: {a: 1}}")
            )
        )
        // Only at the top.
        #expect(try !self.holds("{kind: a}", "{kind: b}"))
    }
}
