/// A moment taken apart into UTC calendar fields, without `Date` or `gmtime`. *Value.*
///
/// Years 0000 to 9999 are exact; anything outside is clamped, so hostile timestamps cannot widen a field.
package struct UTCTime {
    /// The fields; months and days begin with 1.
    package let year, month, day, hour, minute, second, nanosecond: Int
    /// The day of the week; 0 is Sunday.
    package let weekday: Int

    private static let earliest: Int64 = -62_167_219_200
    private static let latest: Int64 = 253_402_300_799

    /// The fields of a moment since 1970.
    package init(unixNanoseconds: Int64) {
        let (seconds, nanosecond) = Self.divided(unixNanoseconds, by: 1_000_000_000)
        self.init(unixSeconds: seconds, nanosecond: Int(nanosecond))
    }

    /// The fields of a second since 1970.
    package init(unixSeconds: Int64, nanosecond: Int = 0) {
        let (days, second) = Self.divided(min(max(unixSeconds, Self.earliest), Self.latest), by: 86_400)
        // Eras of 400 years, the year starting in March so that the leap day comes last.
        let (era, dayOfEra) = Self.divided(days + 719_468, by: 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let marchMonth = (5 * dayOfYear + 2) / 153
        let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
        self.day = Int(dayOfYear - (153 * marchMonth + 2) / 5 + 1)
        self.month = Int(month)
        self.year = Int(yearOfEra + era * 400 + (month <= 2 ? 1 : 0))
        self.hour = Int(second / 3_600)
        self.minute = Int(second / 60 % 60)
        self.second = Int(second % 60)
        self.nanosecond = nanosecond
        // 1970-01-01 was a Thursday.
        self.weekday = Int(Self.divided(days + 4, by: 7).remainder)
    }

    /// The seconds since 1970 of a date and a time; nil when there is no such day. A leap second is the second after it.
    package static func unixSeconds(
        year: Int64, month: Int64, day: Int64, hour: Int64 = 0, minute: Int64 = 0, second: Int64 = 0
    ) -> Int64? {
        guard (0...9999).contains(year), (1...12).contains(month), (1...days(ofMonth: month, year)).contains(day) else { return nil }
        let shifted = month <= 2 ? year - 1 : year
        let (era, yearOfEra) = divided(shifted, by: 400)
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let days = era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
        return days * 86_400 + hour * 3_600 + minute * 60 + second
    }

    private static func days(ofMonth month: Int64, _ year: Int64) -> Int64 {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// Quotient rounded down, remainder never negative.
    private static func divided(_ value: Int64, by divisor: Int64) -> (quotient: Int64, remainder: Int64) {
        let (quotient, remainder) = value.quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }

    /// RFC 3339 in UTC with `digits` (0, 3, 6 or 9) fractional digits: `2026-01-01T00:00:00.123Z`.
    package func appendRFC3339(digits: Int, to out: inout [UInt8]) {
        Decimal.append(year, width: 4, to: &out)
        out.append(UInt8(ascii: "-"))
        Decimal.append(month, width: 2, to: &out)
        out.append(UInt8(ascii: "-"))
        Decimal.append(day, width: 2, to: &out)
        out.append(UInt8(ascii: "T"))
        appendTime(to: &out)
        switch digits {
        case 3: appendFraction(nanosecond / 1_000_000, digits: 3, to: &out)
        case 6: appendFraction(nanosecond / 1_000, digits: 6, to: &out)
        case 9: appendFraction(nanosecond, digits: 9, to: &out)
        default: break
        }
        out.append(UInt8(ascii: "Z"))
    }

    private func appendFraction(_ number: Int, digits: Int, to out: inout [UInt8]) {
        out.append(UInt8(ascii: "."))
        Decimal.append(number, width: digits, to: &out)
    }

    /// `19:04:05`.
    package func appendTime(to out: inout [UInt8]) {
        Decimal.append(hour, width: 2, to: &out)
        out.append(UInt8(ascii: ":"))
        Decimal.append(minute, width: 2, to: &out)
        out.append(UInt8(ascii: ":"))
        Decimal.append(second, width: 2, to: &out)
    }

    /// The name of a log segment that starts now: `20260101-000000.000000000`.
    package var segmentName: String {
        var out: [UInt8] = []
        out.reserveCapacity(25)
        Decimal.append(year, width: 4, to: &out)
        Decimal.append(month, width: 2, to: &out)
        Decimal.append(day, width: 2, to: &out)
        out.append(UInt8(ascii: "-"))
        Decimal.append(hour, width: 2, to: &out)
        Decimal.append(minute, width: 2, to: &out)
        Decimal.append(second, width: 2, to: &out)
        out.append(UInt8(ascii: "."))
        Decimal.append(nanosecond, width: 9, to: &out)
        return String(decoding: out, as: UTF8.self)
    }
}
