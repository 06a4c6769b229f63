import Policy
import Shaping
import Testing

@Suite struct JSONTextTests {
    @Test(arguments: [
        "[]", "{}", #"{"a":[1,-2,3.5,true,false,null,"x"],"b":{"c":""}}"#, #""\u0001\"\\ä""#, "9223372036854775807", "-0.5", "1e+20",
    ])
    func roundTrip(_ text: String) throws {
        let value = try JSONText.parse(text)
        let again = try JSONText.parse(bytes: JSONText.encode(value))
        #expect(again == value)
        let pretty = try JSONText.parse(bytes: JSONText.encode(value, pretty: true))
        #expect(pretty == value)
    }

    @Test(arguments: [
        "", " ", "[", "[1", "{", "{\"a\"", "{\"a\":", "{a:1}", "tru", "-", "1.", "1e", "\"", "\"\\", "\"\\u12", "\"\\u12x4\"", "\"\u{1}\"",
        "[1 2]", "{\"a\":1,}", "1e999", "+1", "\u{feff}1",
    ])
    func bad(_ text: String) {
        #expect(throws: JSONTextError.self) { try JSONText.parse(text) }
    }

    @Test(arguments: [
        (#""\ud83d""#, "\u{fffd}"), (#""\ud83d\u0041""#, "\u{fffd}A"), (#""\ude00""#, "\u{fffd}"),
        (#""\/\b\f\n\r\t""#, "/\u{8}\u{c}\n\r\t"),
    ])
    func escapes(_ text: String, _ value: String) throws {
        let parsed = try JSONText.parse(text)
        #expect(parsed == .string(value))
    }

    /// Random damage to a valid text: an error or a value, never a trap.
    @Test(arguments: [11, 12, 13] as [UInt64])
    func damage(_ seed: UInt64) {
        var random = seed
        let text = Array(#"{"a":[1,-2.5e3,true,null,"x\u00e4\ud83d\ude00\n"],"b":{"c":[[]]}}"#.utf8)
        var accepted = 0
        for _ in 0..<5_000 {
            random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            var bytes = text
            bytes[Int(random >> 33) % bytes.count] = UInt8(truncatingIfNeeded: random >> 20)
            if random & 1 == 0 { bytes.removeLast(Int(random >> 40) % bytes.count) }
            if let value = try? JSONText.parse(bytes: bytes) {
                accepted += 1
                let again = (try? JSONText.encode(value)).flatMap { try? JSONText.parse(bytes: $0) }
                #expect(again == value, "seed \(seed)")
            }
        }
        #expect(accepted > 0 && accepted < 5_000)
    }
}
