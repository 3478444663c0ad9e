import JSONTree
import Testing

struct JSONValueTests {
    @Test func roundTripKeepsOrderAndNumberText() throws {
        let text = #"{"b":1.50,"a":[1e3,-0,"x\ny",null,true],"c":{"z":{},"y":[]}}"#
        #expect(try JSONValue(parsing: text).text() == text)
    }
}
