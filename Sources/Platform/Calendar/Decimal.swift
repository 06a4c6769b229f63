/// Numbers as ASCII, appended without an intermediate `String`. *Value.*
package enum Decimal {
    /// Appends `number` in decimal.
    package static func append(_ number: Int, to out: inout [UInt8]) {
        if number < 0 { out.append(UInt8(ascii: "-")) }
        // From the least digit backwards into a buffer of its own: reversing a slice of `out` would copy it.
        var digits = InlineArray<20, UInt8>(repeating: 0)
        var first = 20
        var rest = number.magnitude
        repeat {
            first -= 1
            digits[first] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        } while rest > 0
        for index in first..<20 { out.append(digits[index]) }
    }

    /// Appends a non-negative `number`, padded with zeros to `width`.
    package static func append(_ number: Int, width: Int, to out: inout [UInt8]) {
        var divisor = 1
        for _ in 1..<width { divisor *= 10 }
        while divisor > 0 {
            out.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: number / divisor % 10))
            divisor /= 10
        }
    }

    /// Appends `number` as Prometheus reads it: whole numbers without a fraction, `+Inf`, `-Inf`, `NaN`.
    package static func append(_ number: Double, to out: inout [UInt8]) {
        if number.isNaN {
            out.append(contentsOf: "NaN".utf8)
        } else if number.isInfinite {
            out.append(contentsOf: (number < 0 ? "-Inf" : "+Inf").utf8)
        } else if number == number.rounded(), number.magnitude < 9e15 {
            append(Int(number), to: &out)
        } else {
            out.append(contentsOf: number.description.utf8)
        }
    }
}
