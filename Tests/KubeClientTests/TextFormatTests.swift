import KubeModel
import Testing

@testable import KubeClient

struct TextFormatTests {
    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"),
    ])
    func base64(plain: String, encoded: String) {
        #expect(Base64.encode(plain.utf8) == encoded)
        #expect(Base64.decode(encoded) == Array(plain.utf8))
    }

    @Test func base64KeepsEveryByte() {
        let bytes = (0...255).map { UInt8($0) }
        #expect(Base64.decode(Base64.encode(bytes)) == bytes)
        #expect(Base64.decode("Zm9v\n YmFy\r\n") == Array("foobar".utf8))
    }

    @Test(arguments: ["Zg", "Zg=", "Z", "Zg===", "Zm9v=", "Zg==Zg==", "Zm-v", "/path/to.crt"])
    func refusesWhatIsNotBase64(text: String) { #expect(Base64.decode(text) == nil) }

    @Test(arguments: [
        ("plain-name.v1", "plain-name.v1"), ("system:node", "system:node"), ("a b", "a%20b"), ("50%", "50%25"),
        ("ä?#", "%C3%A4%3F%23"), ("a+b", "a%2Bb"),
    ])
    func pathSegments(text: String, encoded: String) {
        #expect(URLText.segment(text) == encoded)
        #expect(URLText.decode(encoded) == text)
    }

    @Test func queries() {
        #expect(URLText.query([]) == "")
        #expect(
            URLText.query([("labelSelector", "a=b,c in (d, e)"), ("x", "")])
                == "?labelSelector=a%3Db%2Cc%20in%20%28d%2C%20e%29&x="
        )
        #expect(URLText.decode("100%") == "100%")
        #expect(URLText.decode("%zz%41") == "%zzA")
    }

    @Test func httpDates() {
        #expect(Timestamp(httpDate: "Wed, 21 Oct 2015 07:28:00 GMT") == Timestamp(seconds: 1_445_412_480))
        #expect(Timestamp(httpDate: "Wed, 21 Oct 2015 07:28:00 CET") == nil)
        #expect(Timestamp(httpDate: "Wed, 21 Okt 2015 07:28:00 GMT") == nil)
        #expect(Timestamp(httpDate: "tomorrow") == nil)
    }

    @Test func nowIsNow() { #expect(Timestamp.now() > Timestamp(seconds: 1_700_000_000)) }

    @Test func proxyAddresses() throws {
        let plain = try #require(ProxyAddress("http://proxy.example:3128"))
        #expect(plain.host == "proxy.example" && plain.port == 3128 && plain.username == nil)
        let login = try #require(ProxyAddress("http://user:p%40ss@[::1]:8080/"))
        #expect(login.host == "::1" && login.port == 8080)
        #expect(login.username == "user" && login.password == "p@ss")
        #expect(ProxyAddress("http://proxy")?.port == 80)
        for bad in ["https://proxy:1", "socks5://proxy:1", "proxy:3128", "http://", "http://proxy:0", "http://proxy:x"]
        {
            #expect(ProxyAddress(bad) == nil, "\(bad)")
        }
    }

    @Test func serverHosts() throws {
        let plain = try #require(ServerHost("https://kube.example:6443/k8s/clusters/c-1"))
        #expect(plain.name == "kube.example" && plain.port == 6443 && plain.path == "/k8s/clusters/c-1")
        let v6 = try #require(ServerHost("https://[fd00::1]"))
        #expect(v6.name == "fd00::1" && v6.port == nil && v6.path == "")
        for bad in ["", "kube", "https:", "https://", "https://host:99999", "https://[::1"] {
            #expect(ServerHost(bad) == nil, "\(bad)")
        }
    }

    @Test(arguments: [
        (#"299 - "a is deprecated""#, ["a is deprecated"]),
        (#"299 kube "say \"no\", \\ twice""#, [#"say "no", \ twice"#]),
        (#"299 - "text" "Sat, 25 Aug 2012 23:34:45 GMT""#, ["text"]),
        (#"299 - "one, two" "Sat", 110 - "stale",  299 - "three""#, ["one, two", "three"]),
        (#"110 - "stale""#, []), ("299 -", []), ("299 - bare", []), (#"299 - """#, []), ("", []),
        (#"299 - "no end"#, ["no end"]), (#"299 - ""#, []),
    ])
    func warningHeaders(header: String, texts: [String]) {
        // The date's own comma ends it early, which only loses what is not a warning.
        #expect(WarningLog.texts(in: header) == texts)
    }

    @Test func longWarningsAreShortened() {
        let long = String(repeating: "x", count: 5_000)
        #expect(WarningLog.texts(in: #"299 - "\#(long)", 299 - "y""#).map(\.count) == [1_000, 1])
    }

    @Test func blanks() {
        #expect(" \n a b \t\r\n".trimmingBlanks() == "a b")
        #expect(" \n ".trimmingBlanks() == "")
    }

    @Test func addressesInCertificates() {
        #expect(PeerNameCheck.bytes(ofAddress: "127.0.0.1") == [127, 0, 0, 1])
        #expect(PeerNameCheck.bytes(ofAddress: "::1")?.count == 16)
        #expect(PeerNameCheck.bytes(ofAddress: "localhost") == nil)
    }
}
