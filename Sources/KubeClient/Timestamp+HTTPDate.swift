import KubeModel

extension Timestamp {
    /// Reads the form of HTTP headers, `Wed, 21 Oct 2015 07:28:00 GMT`; `nil` for other text.
    init?(httpDate text: String) {
        let months = [
            "Jan": "01", "Feb": "02", "Mar": "03", "Apr": "04", "May": "05", "Jun": "06", "Jul": "07", "Aug": "08",
            "Sep": "09", "Oct": "10", "Nov": "11", "Dec": "12",
        ]
        let words = text.split(separator: " ")
        guard words.count == 6, words[5] == "GMT", let month = months[String(words[2])] else { return nil }
        self.init("\(words[3])-\(month)-\(words[1])T\(words[4])Z")
    }
}
