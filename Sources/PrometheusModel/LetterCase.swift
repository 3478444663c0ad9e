/// Upper and lower case as Go has it: one character becomes one character.
enum LetterCase {
    static func lowercased(_ text: String) -> String {
        self.mapped(text) { scalar in
            // The one character that becomes two.
            scalar == "\u{130}" ? "i" : self.single(scalar.properties.lowercaseMapping) ?? scalar
        }
    }

    static func uppercased(_ text: String) -> String {
        self.mapped(text) { scalar in
            // Where the upper case is several characters, that of a title may be one, which is then the simple mapping.
            self.single(scalar.properties.uppercaseMapping) ?? self.single(scalar.properties.titlecaseMapping) ?? scalar
        }
    }

    private static func mapped(_ text: String, _ map: (Unicode.Scalar) -> Unicode.Scalar) -> String {
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars { result.append(map(scalar)) }
        return String(result)
    }

    private static func single(_ text: String) -> Unicode.Scalar? {
        let scalars = text.unicodeScalars
        return scalars.count == 1 ? scalars.first : nil
    }
}
