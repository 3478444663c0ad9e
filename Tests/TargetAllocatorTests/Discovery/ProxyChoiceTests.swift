import TargetAllocation
import Testing

@testable import TargetAllocator

struct ProxyChoiceTests {
    @Test(arguments: [
        ("", "a.example.com", false), ("*", "a.example.com", true), ("example.com", "example.com", true),
        ("example.com", "a.example.com", true), (".example.com", "example.com", false),
        (".example.com", "a.example.com", true), ("*.example.com", "a.example.com", true),
        ("example.com", "badexample.com", false), ("a.com, EXAMPLE.com", "x.Example.com", true),
        ("example.com:8080", "example.com", true), ("10.0.0.0/8", "10.1.2.3", true), ("10.0.0.0/8", "11.1.2.3", false),
        ("2001:db8::/32", "2001:db8::7", true), ("10.0.0.0/x", "10.1.2.3", false), ("10.0.0.0/8", "host", false),
        ("", "localhost", true), ("", "127.0.0.1", true), ("", "::1", true),
    ]) func exceptions(_ list: String, _ host: String, _ covers: Bool) {
        #expect(NoProxy(list).covers(host) == covers)
    }

    @Test func urls() {
        let parts = URLParts("https://me:pw@[2001:db8::1]:8443/a/b?c=d")
        #expect(parts?.isSecure == true)
        #expect(parts?.name == "2001:db8::1")
        #expect(parts?.port == 8443)
        #expect(parts?.rest == "/a/b?c=d")
        #expect(URLParts("HTTP://h")?.rest == "/")
        #expect(URLParts("http://h?x")?.rest == "/?x")
        #expect(URLParts("http://h:80")?.port == 80)
        for wrong in [
            "", "h", "ftp://h", "http://", "http://:80", "http://h:x", "http://h:0", "http://[::1", "http://h:99999",
        ] {
            #expect(URLParts(wrong) == nil, "\(wrong)")
        }
    }

    @Test func logins() {
        #expect(URLLogin("http://me:p%40w%2@h/")?.password == "p@w%2")
        #expect(URLLogin("http://me@h/")?.username == "me")
        #expect(URLLogin("http://h/a@b") == nil)
        #expect(URLLogin.hidden(in: "http://me:secret@h:1/p?x=@") == "http://h:1/p?x=@")
        #expect(URLLogin.hidden(in: "http://h/a@b") == "http://h/a@b")
    }

    @Test(arguments: [
        ("application/json", true), ("Application/JSON", true), ("application/json; charset=utf-8", true),
        ("application/json;charset=\"UTF-8\"", true), ("application/json; charset=latin1", false),
        ("application/json;", false), ("text/json", false), ("application/jsonx", false), ("", false),
        ("application/json; charset=utf-8; x=y", false),
    ]) func contentTypes(_ text: String, _ isJSON: Bool) {
        #expect(HTTPRefresh.isJSON(text) == isJSON)
    }

    @Test(arguments: [(60_000, "60"), (1_500, "1.5"), (30, "0.03"), (90_125, "90.125")])
    func seconds(_ milliseconds: Int, _ text: String) {
        #expect(Duration.milliseconds(milliseconds).secondsText == text)
    }

    @Test func forms() {
        #expect("a b+c&d=é~".queryEscaped == "a+b%2Bc%26d%3D%C3%A9~")
    }
}
