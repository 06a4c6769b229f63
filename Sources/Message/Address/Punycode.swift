/// Bootstring with the parameters of Punycode (RFC 3492). *Value* (a namespace of pure functions). Mail needs only the encoder: what arrives as A-label stays one.
enum Punycode {
    private static let base: UInt32 = 36
    private static let tMin: UInt32 = 1
    private static let tMax: UInt32 = 26

    /// Encodes scalars, without the `xn--` prefix. nil on overflow, or when the result would pass `limit` bytes.
    static func encode(_ scalars: [Unicode.Scalar], limit: Int) -> [UInt8]? {
        guard scalars.count <= limit else { return nil }
        var output = scalars.filter(\.isASCII).map { UInt8($0.value) }
        var handled = UInt32(output.count)
        let basic = handled
        if basic > 0 { output.append(Byte.hyphen) }
        var n: UInt32 = 0x80
        var delta: UInt32 = 0
        var bias: UInt32 = 72
        while handled < UInt32(scalars.count) {
            guard let next = scalars.lazy.map(\.value).filter({ $0 >= n }).min() else { return nil }
            let (product, overflow) = (next - n).multipliedReportingOverflow(by: handled + 1)
            let (sum, carried) = delta.addingReportingOverflow(product)
            if overflow || carried { return nil }
            delta = sum
            n = next
            for scalar in scalars {
                if scalar.value < n {
                    let (grown, wrapped) = delta.addingReportingOverflow(1)
                    if wrapped { return nil }
                    delta = grown
                } else if scalar.value == n {
                    append(delta, bias: bias, to: &output)
                    guard output.count <= limit else { return nil }
                    bias = adapted(delta, points: handled + 1, first: handled == basic)
                    delta = 0
                    handled += 1
                }
            }
            delta += 1
            n += 1
        }
        return output.count <= limit ? output : nil
    }

    private static func append(_ delta: UInt32, bias: UInt32, to output: inout [UInt8]) {
        var q = delta
        var k = base
        while true {
            let t = k <= bias ? tMin : min(tMax, k - bias)
            if q < t { break }
            output.append(digit(t + (q - t) % (base - t)))
            q = (q - t) / (base - t)
            k += base
        }
        output.append(digit(q))
    }

    private static func adapted(_ delta: UInt32, points: UInt32, first: Bool) -> UInt32 {
        var delta = first ? delta / 700 : delta / 2
        delta += delta / points
        var k: UInt32 = 0
        while delta > (base - tMin) * tMax / 2 {
            delta /= base - tMin
            k += base
        }
        return k + (base - tMin + 1) * delta / (delta + 38)
    }

    private static func digit(_ value: UInt32) -> UInt8 {
        UInt8(value < 26 ? 0x61 + value : 0x30 + value - 26)
    }
}
