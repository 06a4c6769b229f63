internal import COpenSSL

/// Signs orders with the secret of the cluster, and tells those that another node signed from those that somebody else wrote. *Value.*
///
/// Signed is the whole entry (id, kind, scope, times, version, node, removal) together with the key prefix and the time of signing. So a
/// value cannot be moved to another id, prefix or scope, and one that was withdrawn cannot be brought back later: a signature is good for
/// two days and is renewed while the entry lives, a removal is remembered for seven.
///
/// The seal is the end of the JSON, `,"signed":NANOSECONDS,"mac":"64 hexadecimal digits"}`; a node without the secret skips both members.
package struct OrderSeal: Sendable {
    /// What to think of a value in the store.
    enum Verdict: Sendable, Equatable {
        /// Signed at that time by a node that has the secret.
        case valid(signed: Int64)
        case unsigned
        /// Signed with another secret, altered, or taken from elsewhere.
        case forged
        /// Signed too long ago, or in the future.
        case stale
    }

    /// The shortest secret that is accepted, in bytes.
    package static let leastBytes = 16
    /// How long a signature is good.
    static let life = 2 * ControlBounds.day
    /// After how long it is renewed.
    static let renewal = 12 * ControlBounds.hour
    /// Bytes that the seal adds to an entry, at most.
    static let most = 128
    private static let tail = 8 + 64 + 2

    private let secret: [UInt8]
    private let previous: [UInt8]?
    private let domain: [UInt8]
    /// Whether orders without a signature count: while nodes are given the secret one after the other.
    package let acceptsUnsigned: Bool

    /// - Parameters:
    ///   - previous: a former secret, whose signatures still count.
    ///   - prefix: what the keys of the cluster begin with.
    package init(secret: String, previous: String? = nil, prefix: String, acceptsUnsigned: Bool = false) {
        self.secret = Array(secret.utf8)
        self.previous = previous.map { Array($0.utf8) }
        self.acceptsUnsigned = acceptsUnsigned
        domain = Array("apus order 1\0\(prefix)\0".utf8)
    }

    /// The JSON of an entry with its seal.
    func seal(_ json: [UInt8], now: Int64) -> [UInt8] {
        var out = Array(json.dropLast())
        out.append(contentsOf: ",\"signed\":\(now)".utf8)
        let mac = Self.hexadecimal(authenticate(out[...], with: secret))
        out.append(contentsOf: ",\"mac\":\"".utf8)
        out.append(contentsOf: mac)
        out.append(contentsOf: "\"}".utf8)
        return out
    }

    /// Judges the JSON of a value.
    func verdict(_ json: ArraySlice<UInt8>, now: Int64) -> Verdict {
        guard let parts = Self.parts(json) else { return .unsigned }
        let isOurs = [secret, previous].contains { key in
            guard let key else { return false }
            return Self.isEqual(Self.hexadecimal(authenticate(parts.body, with: key)), Array(parts.mac))
        }
        guard isOurs else { return .forged }
        guard parts.signed <= now &+ ControlBounds.clockSkew, parts.signed > now &- Self.life else { return .stale }
        return .valid(signed: parts.signed)
    }

    /// What was signed, when, and the signature; nil without one.
    private static func parts(_ json: ArraySlice<UInt8>) -> (body: ArraySlice<UInt8>, signed: Int64, mac: ArraySlice<UInt8>)? {
        guard json.count > tail, json.suffix(2).elementsEqual("\"}".utf8) else { return nil }
        let body = json.dropLast(tail)
        let rest = json.suffix(tail)
        guard rest.prefix(8).elementsEqual(",\"mac\":\"".utf8) else { return nil }
        let digits = body.reversed().prefix { $0 >= 0x30 && $0 <= 0x39 }
        guard (1...19).contains(digits.count), body.dropLast(digits.count).suffix(10).elementsEqual(",\"signed\":".utf8),
            let signed = Int64(String(decoding: digits.reversed(), as: UTF8.self))
        else { return nil }
        return (body, signed, rest.dropFirst(8).prefix(64))
    }

    private func authenticate(_ body: ArraySlice<UInt8>, with key: [UInt8]) -> [UInt8] {
        var out = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
        var count: UInt32 = 0
        let message = domain + body
        HMAC(EVP_sha256(), key, Int32(key.count), message, message.count, &out, &count)
        return Array(out.prefix(Int(count)))
    }

    /// Takes as long for a wrong signature as for a right one.
    private static func isEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        left.count == right.count && CRYPTO_memcmp(left, right, left.count) == 0
    }

    private static func hexadecimal(_ bytes: [UInt8]) -> [UInt8] {
        let digits = Array("0123456789abcdef".utf8)
        return bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
    }
}
