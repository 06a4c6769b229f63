/// Reads little-endian fields from bytes nobody vouches for; nil instead of a trap. *value*.
struct ByteReader {
    let bytes: UnsafeRawBufferPointer
    private(set) var position = 0

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    var remaining: Int { bytes.count - position }

    mutating func integer<T: FixedWidthInteger>(_: T.Type = T.self) -> T? {
        guard remaining >= MemoryLayout<T>.size else { return nil }
        defer { position += MemoryLayout<T>.size }
        return T(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: T.self))
    }

    mutating func slice(_ count: Int) -> UnsafeRawBufferPointer? {
        guard count >= 0, remaining >= count else { return nil }
        defer { position += count }
        return UnsafeRawBufferPointer(rebasing: bytes[position..<(position + count)])
    }

    /// The bytes of a text field. Interning callers avoid the String.
    mutating func textBytes() -> UnsafeRawBufferPointer? {
        guard let length = integer(UInt32.self) else { return nil }
        return slice(Int(length))
    }

    mutating func text() -> String? {
        guard let bytes = textBytes() else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }
}
