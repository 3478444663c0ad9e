import JSONTree
import KubeModel
import Testing

struct LabelSelectorTests {
    private static let labels = ["app": "web", "tier": "back", "n": "5", "empty": ""]

    @Test(arguments: [
        ("", true), ("app", true), ("!app", false), ("x", false), ("!x", true), ("app=web", true), ("app==web", true),
        ("app=db", false), ("app!=web", false), ("app!=db", true), ("x!=db", true), ("app in (web, db)", true),
        ("app in (db)", false),
        ("x in (db)", false), ("app notin (db,cache)", true), ("app notin (web)", false), ("x notin (web)", true),
        ("app=web,tier=back", true), ("app=web,tier=front", false), (" app = web , !x ", true), ("n>4", true),
        ("n>5", false),
        ("n<6", true), ("app>1", false), ("x<1", false), ("empty=", true), ("empty!=", false), ("x=", false),
        ("empty in ()", true),
        ("empty in (,a)", true), ("in", false), ("in in (in)", false), ("example.com/a.b-c_d", false),
    ])
    func matchesQueries(_ query: String, _ expected: Bool) throws {
        let selector = try LabelSelector(query: query)
        #expect(selector.matches(Self.labels) == expected)
        #expect(selector.matches(JSONObject(strings: Self.labels)) == expected)
        // Written, it is the same selector.
        #expect(try LabelSelector(query: selector.query).matches(Self.labels) == expected)
    }

    @Test(arguments: [
        (",", #"expected a key, found ",""#), ("a,", "expected a key, found the end"),
        ("a=b=c", #"expected a comma, found "=c""#),
        ("a b", #"expected an operator, found "b""#), ("a in b", #"expected values in parentheses, found "b""#),
        ("a in (b", "expected a closing parenthesis, found the end"), ("!", "expected a key, found the end"),
        ("a>x", #"expected an integer, found "x""#), ("=b", #"expected a key, found "=b""#),
        ("(a)", #"expected a key, found "(a)""#),
    ])
    func refusesQueries(_ query: String, _ message: String) {
        #expect(throws: LabelSelectorError(message)) { try LabelSelector(query: query) }
    }

    @Test(arguments: [
        ("{}", "", true), (#"{"matchLabels":{"app":"web","tier":"back"}}"#, "app=web,tier=back", true),
        (#"{"matchLabels":null,"matchExpressions":null}"#, "", true), (#"{"matchLabels":{"app":""}}"#, "app=", false),
        (
            #"{"matchExpressions":[{"key":"app","operator":"In","values":["web","db"]},{"key":"x","operator":"NotIn","values":["b","a"]}]}"#,
            "app in (db,web),x notin (a,b)", true
        ),
        (
            #"{"matchExpressions":[{"key":"app","operator":"Exists"},{"key":"n","operator":"DoesNotExist","values":[]}]}"#,
            "app,!n", false
        ),
        (
            #"{"matchLabels":{"app":"web"},"matchExpressions":[{"key":"n","operator":"NotIn","values":["5"]}]}"#,
            "app=web,n!=5", false
        ),
    ])
    func readsObjects(_ json: String, _ query: String, _ expected: Bool) throws {
        let selector = try LabelSelector(#require(try JSONValue(parsing: json).object))
        #expect(selector.query == query)
        #expect(selector.matches(Self.labels) == expected)
    }

    @Test(arguments: [
        (#"{"matchLabels":[]}"#, "matchLabels is not an object"),
        (#"{"matchLabels":{"a":1}}"#, #"matchLabels: the value of "a" is not a string"#),
        (#"{"matchExpressions":{}}"#, "matchExpressions is not an array"),
        (#"{"matchExpressions":[1]}"#, "matchExpressions[0]: no key"),
        (#"{"matchExpressions":[{"key":"a"}]}"#, "matchExpressions[0]: no operator"),
        (
            #"{"matchExpressions":[{"key":"a","operator":"Gt","values":["1"]}]}"#,
            #"matchExpressions[0]: unknown operator "Gt""#
        ),
        (
            #"{"matchExpressions":[{"key":"a","operator":"Exists"},{"key":"a","operator":"In"}]}"#,
            "matchExpressions[1]: In needs values"
        ),
        (
            #"{"matchExpressions":[{"key":"a","operator":"NotIn","values":[]}]}"#,
            "matchExpressions[0]: NotIn needs values"
        ),
        (
            #"{"matchExpressions":[{"key":"a","operator":"Exists","values":["x"]}]}"#,
            "matchExpressions[0]: Exists takes no values"
        ),
        (
            #"{"matchExpressions":[{"key":"a","operator":"In","values":[1]}]}"#,
            "matchExpressions[0]: a value is not a string"
        ),
    ])
    func refusesObjects(_ json: String, _ message: String) throws {
        let object = try #require(try JSONValue(parsing: json).object)
        #expect(throws: LabelSelectorError(message)) { try LabelSelector(object) }
    }
}
