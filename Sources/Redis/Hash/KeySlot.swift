/// Which of the 16,384 slots of a Redis Cluster a key belongs to (Redis Cluster Specification, "Key distribution model"). A namespace.
package enum KeySlot {
    /// How many slots there are.
    package static let count = 16_384

    /// The slot of a key: CRC16 of the part between the first `{` and the `}` behind it if that is not empty, else of the whole key.
    package static func of(_ key: [UInt8]) -> Int { Int(crc16(tag(of: key))) % count }

    /// The slot of a key.
    package static func of(_ key: String) -> Int { of(Array(key.utf8)) }

    /// What of the key is hashed.
    static func tag(of key: [UInt8]) -> ArraySlice<UInt8> {
        guard let open = key.firstIndex(of: UInt8(ascii: "{")),
            let close = key[(open + 1)...].firstIndex(of: UInt8(ascii: "}")), close > open + 1
        else { return key[...] }
        return key[(open + 1)..<close]
    }

    /// CRC-16/XMODEM: polynomial 0x1021, start 0, nothing reflected.
    static func crc16(_ bytes: ArraySlice<UInt8>) -> UInt16 {
        var crc: UInt16 = 0
        for byte in bytes {
            crc ^= UInt16(byte) << 8
            for _ in 0..<8 { crc = crc & 0x8000 != 0 ? crc << 1 ^ 0x1021 : crc << 1 }
        }
        return crc
    }
}
