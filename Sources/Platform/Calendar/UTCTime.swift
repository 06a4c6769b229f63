/// A moment taken apart into UTC calendar fields, without `Date` or `gmtime`. *Value.*
///
/// Years 0000 to 9999 are exact; anything outside is clamped, so hostile timestamps cannot widen a field.
package struct UTCTime {
    /// The fields; months and days begin with 1.
    package let year, month, day, hour, minute, second, nanosecond: Int

    private static let earliest: Int64 = -62_167_219_200
    private static let latest: Int64 = 253_402_300_799

    /// The fields of a moment since 1970.
    package init(unixNanoseconds: Int64) {
        var seconds = unixNanoseconds / 1_000_000_000
        var fraction = unixNanoseconds % 1_000_000_000
        if fraction < 0 {
            fraction += 1_000_000_000
            seconds -= 1
        }
        seconds = min(max(seconds, Self.earliest), Self.latest)
        var days = seconds / 86_400
        var rest = seconds % 86_400
        if rest < 0 {
            rest += 86_400
            days -= 1
        }
        // Civil from days: eras of 400 years, the year starting in March so that the leap day comes last.
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let marchMonth = (5 * dayOfYear + 2) / 153
        let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
        self.day = Int(dayOfYear - (153 * marchMonth + 2) / 5 + 1)
        self.month = Int(month)
        self.year = Int(yearOfEra + era * 400 + (month <= 2 ? 1 : 0))
        self.hour = Int(rest / 3_600)
        self.minute = Int(rest / 60 % 60)
        self.second = Int(rest % 60)
        self.nanosecond = Int(fraction)
    }

    /// RFC 3339 in UTC with `digits` (3 or 9) fractional digits: `2026-01-01T00:00:00.123Z`.
    package func appendRFC3339(digits: Int, to out: inout [UInt8]) {
        Decimal.append(year, width: 4, to: &out)
        out.append(UInt8(ascii: "-"))
        Decimal.append(month, width: 2, to: &out)
        out.append(UInt8(ascii: "-"))
        Decimal.append(day, width: 2, to: &out)
        out.append(UInt8(ascii: "T"))
        Decimal.append(hour, width: 2, to: &out)
        out.append(UInt8(ascii: ":"))
        Decimal.append(minute, width: 2, to: &out)
        out.append(UInt8(ascii: ":"))
        Decimal.append(second, width: 2, to: &out)
        out.append(UInt8(ascii: "."))
        Decimal.append(digits == 3 ? nanosecond / 1_000_000 : nanosecond, width: digits == 3 ? 3 : 9, to: &out)
        out.append(UInt8(ascii: "Z"))
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
