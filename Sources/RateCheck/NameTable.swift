/// Names of keys and nodes as small numbers. *Value.* Bounded: hostile records must not fill the memory.
package struct NameTable: Sendable {
    /// The number of a node that a record does not name.
    package static let nobody: Int32 = -1
    /// How many names are kept.
    package static let capacity = 65_536
    /// How many bytes a name may have.
    package static let longest = 255

    private var numbers: [[UInt8]: Int32] = [:]
    private var names: [String] = []

    /// An empty table.
    package init() {}

    /// How many names there are.
    package var count: Int { names.count }

    /// The number of a name; nil when it is too long, empty, or one too many.
    package mutating func number(of name: some Collection<UInt8>) -> Int32? {
        guard !name.isEmpty, name.count <= Self.longest else { return nil }
        let bytes = Array(name)
        if let known = numbers[bytes] { return known }
        guard names.count < Self.capacity else { return nil }
        let number = Int32(names.count)
        numbers[bytes] = number
        names.append(String(decoding: bytes, as: UTF8.self))
        return number
    }

    /// The name behind a number.
    package func name(_ number: Int32) -> String {
        names.indices.contains(Int(number)) ? names[Int(number)] : "-"
    }
}
