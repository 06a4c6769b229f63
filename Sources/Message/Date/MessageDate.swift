/// Dates as mail and logs write them, from integers, always in UTC. *Value* (a namespace of pure functions): no clock, no locale, no time zone.
package enum MessageDate {
    private static let secondsPerDay: Int64 = 86_400
    /// 0000-01-01T00:00:00Z to 9999-12-31T23:59:59Z: four digits of year. Times outside are written as the nearest end.
    private static let range: ClosedRange<Int64> = -62_167_219_200...253_402_300_799
    private static let weekdays: StaticString = "ThuFriSatSunMonTueWed"
    private static let months: StaticString = "JanFebMarAprMayJunJulAugSepOctNovDec"

    /// `Tue, 21 Nov 2023 19:04:05 +0000` (RFC 5322 section 3.3).
    package static func rfc5322(unixSeconds: Int64) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(31)
        append(rfc5322: unixSeconds, to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// `2023-11-21T19:04:05Z`, with 3, 6 or 9 digits of fraction, the fewest that lose nothing (RFC 3339).
    package static func rfc3339(unixNanoseconds: Int64) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(30)
        append(rfc3339: unixNanoseconds, to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// `rfc5322` straight into a buffer.
    package static func append(rfc5322 unixSeconds: Int64, to bytes: inout [UInt8]) {
        let seconds = min(max(unixSeconds, range.lowerBound), range.upperBound)
        let (days, second) = divided(seconds, by: secondsPerDay)
        let date = civil(days: days)
        append(weekdays, at: Int(divided(days, by: 7).remainder), to: &bytes)
        bytes.append(Byte.comma)
        bytes.append(Byte.space)
        append(date.day, digits: 2, to: &bytes)
        bytes.append(Byte.space)
        append(months, at: Int(date.month - 1), to: &bytes)
        bytes.append(Byte.space)
        append(date.year, digits: 4, to: &bytes)
        bytes.append(Byte.space)
        appendTime(second, to: &bytes)
        bytes.append(contentsOf: " +0000".utf8)
    }

    /// `rfc3339` straight into a buffer.
    package static func append(rfc3339 unixNanoseconds: Int64, to bytes: inout [UInt8]) {
        let (seconds, fraction) = divided(unixNanoseconds, by: 1_000_000_000)
        let (days, second) = divided(seconds, by: secondsPerDay)
        let date = civil(days: days)
        append(date.year, digits: 4, to: &bytes)
        bytes.append(Byte.hyphen)
        append(date.month, digits: 2, to: &bytes)
        bytes.append(Byte.hyphen)
        append(date.day, digits: 2, to: &bytes)
        bytes.append(0x54)
        appendTime(second, to: &bytes)
        if fraction != 0 {
            bytes.append(Byte.dot)
            if fraction % 1_000_000 == 0 {
                append(fraction / 1_000_000, digits: 3, to: &bytes)
            } else if fraction % 1000 == 0 {
                append(fraction / 1000, digits: 6, to: &bytes)
            } else {
                append(fraction, digits: 9, to: &bytes)
            }
        }
        bytes.append(0x5A)
    }

    /// Quotient rounded down, remainder never negative.
    private static func divided(_ value: Int64, by divisor: Int64) -> (quotient: Int64, remainder: Int64) {
        let (quotient, remainder) = value.quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }

    /// The proleptic Gregorian date of a day number (day 0 is 1970-01-01). Years are counted from March, so that the leap day is the last of
    /// its year; 400 years have 146 097 days.
    private static func civil(days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let (era, dayOfEra) = divided(days + 719_468, by: 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let marchMonth = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * marchMonth + 2) / 5 + 1
        let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
    }

    private static func appendTime(_ second: Int64, to bytes: inout [UInt8]) {
        append(second / 3600, digits: 2, to: &bytes)
        bytes.append(Byte.colon)
        append(second / 60 % 60, digits: 2, to: &bytes)
        bytes.append(Byte.colon)
        append(second % 60, digits: 2, to: &bytes)
    }

    private static func append(_ value: Int64, digits: Int, to bytes: inout [UInt8]) {
        var scale: Int64 = 1
        for _ in 1..<digits { scale *= 10 }
        while scale > 0 {
            bytes.append(0x30 + UInt8(value / scale % 10))
            scale /= 10
        }
    }

    private static func append(_ names: StaticString, at index: Int, to bytes: inout [UInt8]) {
        bytes.append(contentsOf: UnsafeBufferPointer(start: names.utf8Start + 3 * index, count: 3))
    }
}
