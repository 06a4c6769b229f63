import Platform

/// Dates as mail and logs write them, from integers, always in UTC. *Value* (a namespace of pure functions): no clock, no locale, no time zone.
package enum MessageDate {
    private static let weekdays: StaticString = "SunMonTueWedThuFriSat"
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
        let time = UTCTime(unixSeconds: unixSeconds)
        append(weekdays, at: time.weekday, to: &bytes)
        bytes.append(Byte.comma)
        bytes.append(Byte.space)
        Decimal.append(time.day, width: 2, to: &bytes)
        bytes.append(Byte.space)
        append(months, at: time.month - 1, to: &bytes)
        bytes.append(Byte.space)
        Decimal.append(time.year, width: 4, to: &bytes)
        bytes.append(Byte.space)
        time.appendTime(to: &bytes)
        bytes.append(contentsOf: " +0000".utf8)
    }

    /// `rfc3339` straight into a buffer.
    package static func append(rfc3339 unixNanoseconds: Int64, to bytes: inout [UInt8]) {
        let time = UTCTime(unixNanoseconds: unixNanoseconds)
        let digits = time.nanosecond == 0 ? 0 : time.nanosecond % 1_000_000 == 0 ? 3 : time.nanosecond % 1_000 == 0 ? 6 : 9
        time.appendRFC3339(digits: digits, to: &bytes)
    }

    private static func append(_ names: StaticString, at index: Int, to bytes: inout [UInt8]) {
        bytes.append(contentsOf: UnsafeBufferPointer(start: names.utf8Start + 3 * index, count: 3))
    }
}
