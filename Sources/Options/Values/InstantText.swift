import Platform

/// Moments as programs write them (RFC 3339): `2030-01-31T12:00:00Z`, `2030-01-31T13:00:00.5+01:00`. *Value* (a namespace).
package enum InstantText {
    /// What is accepted, for error texts.
    package static let accepted = "a moment such as '2030-01-31T12:00:00Z' or '2030-01-31T13:00:00+01:00'"

    /// Nanoseconds since 1970; nil when the text is not of the form, the day does not exist, or the year is not from 1970 to 2200.
    package static func unixNanoseconds(_ text: String) -> Int64? {
        let bytes = Array(text.utf8)
        guard (20...40).contains(bytes.count), bytes[4] == 0x2D, bytes[7] == 0x2D, bytes[13] == 0x3A, bytes[16] == 0x3A,
            bytes[10] == 0x54 || bytes[10] == 0x74 || bytes[10] == 0x20,
            let year = number(bytes[0..<4]), let month = number(bytes[5..<7]), let day = number(bytes[8..<10]),
            let hour = number(bytes[11..<13]), let minute = number(bytes[14..<16]), let second = number(bytes[17..<19]),
            (1970...2200).contains(year), hour <= 23, minute <= 59, second <= 60,
            let local = UTCTime.unixSeconds(year: year, month: month, day: day, hour: hour, minute: minute, second: second)
        else { return nil }
        var position = 19
        var nanoseconds: Int64 = 0
        if bytes[position] == 0x2E {
            let end = bytes[(position + 1)...].firstIndex { !(0x30...0x39).contains($0) } ?? bytes.endIndex
            guard (1...9).contains(end - position - 1), let value = number(bytes[(position + 1)..<end]) else { return nil }
            nanoseconds = value
            for _ in (end - position - 1)..<9 { nanoseconds *= 10 }
            position = end
        }
        guard let offset = offset(bytes[position...]) else { return nil }
        let seconds = local - offset
        return seconds >= 0 ? seconds * 1_000_000_000 + nanoseconds : nil
    }

    /// Seconds east of Greenwich.
    private static func offset(_ bytes: ArraySlice<UInt8>) -> Int64? {
        guard let sign = bytes.first else { return nil }
        let start = bytes.startIndex
        if sign == 0x5A || sign == 0x7A { return bytes.count == 1 ? 0 : nil }
        guard bytes.count == 6, sign == 0x2B || sign == 0x2D, bytes[start + 3] == 0x3A,
            let hours = number(bytes[(start + 1)..<(start + 3)]), let minutes = number(bytes[(start + 4)...]), hours <= 23, minutes <= 59
        else { return nil }
        return (hours * 3600 + minutes * 60) * (sign == 0x2B ? 1 : -1)
    }

    private static func number(_ bytes: ArraySlice<UInt8>) -> Int64? {
        guard bytes.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return bytes.reduce(0) { $0 * 10 + Int64($1 - 0x30) }
    }
}
