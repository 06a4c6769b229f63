/// The identity of a message in spool, logs and replies: 128 bits that sort by creation time. *Value*.
///
/// Written as 32 hexadecimal digits without dashes, so it can stand in a queue listing, an `ids=` reply and a file name.
package struct MessageID: Sendable, Hashable, Comparable {
    /// The first eight bytes: time, version.
    package let high: UInt64
    /// The last eight bytes: variant, tail.
    package let low: UInt64

    /// An identity from its two halves.
    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Reads exactly 32 hexadecimal digits of either case; nil for anything else.
    package init?(hex: some StringProtocol) {
        var high: UInt64 = 0
        var low: UInt64 = 0
        var count = 0
        for byte in hex.utf8 {
            guard count < 32, let digit = Byte.hexValue(byte) else { return nil }
            high = high << 4 | low >> 60
            low = low << 4 | UInt64(digit)
            count += 1
        }
        guard count == 32 else { return nil }
        self.init(high: high, low: low)
    }

    /// 32 lower-case hexadecimal digits.
    package var hex: String {
        String(unsafeUninitializedCapacity: 32) { buffer in
            for index in 0..<16 {
                let shift = UInt64(60 - 4 * index)
                buffer[index] = Byte.hexDigit(UInt8(truncatingIfNeeded: high >> shift & 0xF))
                buffer[index + 16] = Byte.hexDigit(UInt8(truncatingIfNeeded: low >> shift & 0xF))
            }
            return 32
        }
    }

    /// The creation time in Unix milliseconds, as RFC 9562 version 7 stores it.
    package var unixMilliseconds: Int64 { Int64(high >> 16) }

    package static func < (a: MessageID, b: MessageID) -> Bool {
        a.high != b.high ? a.high < b.high : a.low < b.low
    }
}

extension MessageID: CustomStringConvertible {
    package var description: String { hex }
}
