/// A number as it is written: whole if it has neither fraction nor exponent and fits 64 bits. *Value.*
package enum JSONNumber: Sendable, Equatable {
    /// Whole.
    case integer(Int64)
    /// Any other.
    case double(Double)
}

extension JSONScanner {
    /// Reads a number. Whole numbers beyond 64 bits become `double`; what a `Double` cannot hold is a fault.
    package mutating func number() throws(JSONFault) -> JSONNumber {
        try expect(.number)
        let start = position
        let isWhole = try passNumber()
        if isWhole, let value = integer(in: start..<position) { return .integer(value) }
        let end = position
        position = start
        guard end - start <= Self.numberLimit else { throw fault("a number has more than \(Self.numberLimit) digits") }
        guard let value = Double(String(decoding: bytes[start..<end], as: UTF8.self)), value.isFinite else {
            throw JSONFault(.range, "a number is too large", place: place)
        }
        position = end
        return .double(value)
    }

    /// Reads a number without fraction and exponent that fits 64 bits.
    package mutating func integer() throws(JSONFault) -> Int64 {
        try expect(.number)
        let start = position
        guard try passNumber(), let value = integer(in: start..<position) else {
            position = start
            throw JSONFault(.kind, "it must be a whole number of 64 bits", place: place)
        }
        return value
    }

    /// Passes over a number; answers whether it has neither fraction nor exponent.
    mutating func passNumber() throws(JSONFault) -> Bool {
        _ = take(UInt8(ascii: "-"))
        if !take(UInt8(ascii: "0")) { try passDigits() }
        var isWhole = true
        if take(UInt8(ascii: ".")) {
            isWhole = false
            try passDigits()
        }
        if let byte = next, byte | 0x20 == UInt8(ascii: "e") {
            isWhole = false
            position += 1
            if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
            try passDigits()
        }
        if let byte = next, byte >= 0x30, byte <= 0x39 { throw fault("not a number: it begins with a zero too many") }
        return isWhole
    }

    private mutating func passDigits() throws(JSONFault) {
        let start = position
        while let byte = next, byte >= 0x30, byte <= 0x39 { position += 1 }
        guard position > start else { throw fault("not a number: digits were expected") }
    }

    private func integer(in range: Range<Int>) -> Int64? {
        let isNegative = bytes[range.lowerBound] == UInt8(ascii: "-")
        var value: Int64 = 0
        for index in (isNegative ? range.dropFirst() : range[...]) {
            let digit = Int64(bytes[index] - 0x30)
            let (scaled, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = scaled.addingReportingOverflow(isNegative ? -digit : digit)
            guard !overflow, !carry else { return nil }
            value = sum
        }
        return value
    }
}
