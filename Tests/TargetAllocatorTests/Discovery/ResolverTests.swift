import TargetDiscovery
import Testing

@testable import TargetAllocator

struct ResolverTests {
    /// A message: header with answer count and code, one question for `q.`, then records.
    private static func message(_ answers: [[UInt8]], code: UInt8 = 0) -> [UInt8] {
        [0, 1, 0x81, 0x80 | code, 0, 1, 0, UInt8(answers.count), 0, 0, 0, 0] + [1, 0x71, 0, 0, 1, 0, 1]
            + answers.flatMap { $0 }
    }

    /// A record of the question's name.
    private static func record(_ type: UInt8, _ data: [UInt8]) -> [UInt8] {
        [0xC0, 12, 0, type, 0, 1, 0, 0, 0, 60, 0, UInt8(data.count)] + data
    }

    private static let name: [UInt8] = [1, 0x61, 0xC0, 12]

    @Test func records() {
        let found = Resolver.parse(
            Self.message([
                Self.record(1, [10, 0, 0, 1]),
                Self.record(28, [0x20, 1, 0x0D, 0xB8] + [UInt8](repeating: 0, count: 11) + [7]),
                Self.record(33, [0, 1, 0, 2, 0x1F, 0x90] + Self.name), Self.record(15, [0, 10] + Self.name),
                Self.record(2, Self.name), Self.record(5, Self.name), Self.record(16, [2, 0x68, 0x69]),
            ])
        )
        #expect(
            found == [
                .address("10.0.0.1"), .address("2001:db8::7"), .service(target: "a.q.", port: 8080),
                .mailExchange("a.q."), .nameServer("a.q."),
            ]
        )
    }

    @Test func answersWithoutRecords() {
        #expect(Resolver.parse(Self.message([])) == [])
        // No such name is an answer, a failure of the server is none.
        #expect(Resolver.parse(Self.message([], code: 3)) == [])
        #expect(Resolver.parse(Self.message([], code: 2)) == nil)
    }

    @Test(arguments: [
        [], [0], record(1, [10, 0, 0, 1]), message([record(1, [10, 0, 0])]), message([record(33, [0, 1, 0, 2, 1])]),
        message([record(33, [0, 1, 0, 2, 1, 1, 0xC0])]), message([record(2, [0xC0, 31])]),
        message([record(2, [5, 1])]),
        message([record(15, [1])]), Array(message([record(1, [10, 0, 0, 1])]).dropLast()),
    ]) func broken(_ bytes: [UInt8]) {
        #expect(Resolver.parse(bytes) == nil)
    }

    /// Whatever a server sends, nothing traps and no address is made up.
    @Test func noise() {
        var random = SystemRandomNumberGenerator()
        let good = Self.message([
            Self.record(33, [0, 1, 0, 2, 0x1F, 0x90] + Self.name), Self.record(1, [10, 0, 0, 1]),
        ])
        for _ in 0..<5_000 {
            var bytes = good
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            for record in Resolver.parse(bytes) ?? [] {
                if case .address(let text) = record { #expect(!text.isEmpty) }
            }
        }
    }
}
