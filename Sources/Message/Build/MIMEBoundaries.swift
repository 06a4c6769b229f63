internal import Glibc

/// The boundaries of one message: they occur in none of its parts, and none is the start of another. *Value*.
///
/// A boundary begins with `=_`, which neither base64 nor quoted-printable can produce (RFC 2045 section 6.7), so only bodies that go as they are get
/// searched. It also depends on their content: who writes a body cannot foresee which boundary to put into it.
struct MIMEBoundaries: Sendable {
    private static let attempts = 64
    private let stem: [UInt8]

    init(for root: MIMEPart, seed: String) throws(MessageBuilderError) {
        var state: (UInt64, UInt64) = (0x243F_6A88_85A3_08D3, 0x1319_8A2E_0370_7344)
        seed.utf8.forEach { state.0 = SeededRandom.mix(state.0 ^ UInt64($0)) }
        var bodies: [[UInt8]] = []
        root.forEachBody { body, isIdentity in
            Self.absorb(body, into: &state)
            if isIdentity { bodies.append(body) }
        }
        let candidates = (0..<Self.attempts).map { attempt in
            Self.stem((SeededRandom.mix(state.0 &+ UInt64(attempt)), SeededRandom.mix(state.1 &+ UInt64(attempt))))
        }
        guard let free = Self.firstFree(of: candidates, in: bodies) else { throw MessageBuilderError(.noBoundary, field: "Content-Type") }
        stem = free
    }

    /// The first candidate that occurs in no body.
    static func firstFree(of candidates: [[UInt8]], in bodies: [[UInt8]]) -> [UInt8]? {
        candidates.first { candidate in !bodies.contains { contains($0, candidate) } }
    }

    /// The boundary of the multipart with that number. All have the same length, so none is a prefix of another.
    func text(_ number: Int) -> [UInt8] {
        stem + [Byte.underscore, 0x30 + UInt8(number / 10 % 10), 0x30 + UInt8(number % 10)]
    }

    private static func stem(_ state: (UInt64, UInt64)) -> [UInt8] {
        Array("=_".utf8) + Array(MessageID(high: state.0, low: state.1).hex.utf8)
    }

    private static func absorb(_ body: [UInt8], into state: inout (UInt64, UInt64)) {
        body.withUnsafeBytes { bytes in
            var index = 0
            while index + 8 <= bytes.count {
                let word = bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self).littleEndian
                let product = (state.0 ^ word).multipliedFullWidth(by: 0x9E37_79B9_7F4A_7C15)
                state = (product.low ^ state.1, product.high &+ state.0 &+ word)
                index += 8
            }
            while index < bytes.count {
                state.0 = SeededRandom.mix(state.0 ^ UInt64(bytes[index]))
                index += 1
            }
        }
        state = (SeededRandom.mix(state.0 ^ UInt64(body.count)), SeededRandom.mix(state.1 ^ state.0))
    }

    /// Searches by the rare byte `=` (memmem is not part of the Glibc module).
    private static func contains(_ body: [UInt8], _ candidate: [UInt8]) -> Bool {
        body.withUnsafeBytes { body in
            candidate.withUnsafeBytes { candidate in
                guard let start = body.baseAddress, let wanted = candidate.baseAddress else { return false }
                var index = 0
                while index + candidate.count <= body.count {
                    guard let found = memchr(start + index, Int32(Byte.equals), body.count - candidate.count + 1 - index) else {
                        return false
                    }
                    if memcmp(found, wanted, candidate.count) == 0 { return true }
                    index = UnsafeRawPointer(found) - start + 1
                }
                return false
            }
        }
    }
}
