import Message
import Testing

@Suite struct MessageDateTests {
    @Test(
        arguments: [
            (0, "Thu, 01 Jan 1970 00:00:00 +0000"),
            (-1, "Wed, 31 Dec 1969 23:59:59 +0000"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 +0000"),
            (1_000_000_000, "Sun, 09 Sep 2001 01:46:40 +0000"),
            (1_234_567_890, "Fri, 13 Feb 2009 23:31:30 +0000"),
            (1_700_593_445, "Tue, 21 Nov 2023 19:04:05 +0000"),
            (2_147_483_648, "Tue, 19 Jan 2038 03:14:08 +0000"),
            (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 +0000"),
            (253_402_300_799, "Fri, 31 Dec 9999 23:59:59 +0000"),
            (253_402_300_800, "Fri, 31 Dec 9999 23:59:59 +0000"),
            (-62_167_219_200, "Sat, 01 Jan 0000 00:00:00 +0000"),
            (.max, "Fri, 31 Dec 9999 23:59:59 +0000"),
            (.min, "Sat, 01 Jan 0000 00:00:00 +0000"),
        ] as [(Int64, String)])
    func rfc5322(seconds: Int64, expected: String) {
        #expect(MessageDate.rfc5322(unixSeconds: seconds) == expected)
    }

    @Test(
        arguments: [
            (0, "1970-01-01T00:00:00Z"),
            (1, "1970-01-01T00:00:00.000000001Z"),
            (-1, "1969-12-31T23:59:59.999999999Z"),
            (1_700_593_445_000_000_000, "2023-11-21T19:04:05Z"),
            (1_700_593_445_120_000_000, "2023-11-21T19:04:05.120Z"),
            (1_700_593_445_000_450_000, "2023-11-21T19:04:05.000450Z"),
            (1_700_593_445_123_456_789, "2023-11-21T19:04:05.123456789Z"),
            (951_868_799_999_000_000, "2000-02-29T23:59:59.999Z"),
            (.max, "2262-04-11T23:47:16.854775807Z"),
            (.min, "1677-09-21T00:12:43.145224192Z"),
        ] as [(Int64, String)])
    func rfc3339(nanoseconds: Int64, expected: String) {
        #expect(MessageDate.rfc3339(unixNanoseconds: nanoseconds) == expected)
    }

    /// Every day from 1970 to 2400 against a calendar that counts days one by one.
    @Test func everyDay() {
        let names = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        func pad(_ value: Int, _ width: Int) -> String { String(repeating: "0", count: width - String(value).count) + String(value) }
        var (year, month, day, weekday) = (1970, 0, 1, 3)
        var wrong = 0
        for number in 0..<157_000 {
            let second = number * 7919 % 86_400
            let time = "\(pad(second / 3600, 2)):\(pad(second / 60 % 60, 2)):\(pad(second % 60, 2))"
            let unix = Int64(number) * 86_400 + Int64(second)
            if MessageDate.rfc5322(unixSeconds: unix) != "\(names[weekday]), \(pad(day, 2)) \(months[month]) \(year) \(time) +0000" {
                wrong += 1
            }
            if year < 2262,
                MessageDate.rfc3339(unixNanoseconds: unix * 1_000_000_000) != "\(year)-\(pad(month + 1, 2))-\(pad(day, 2))T\(time)Z"
            {
                wrong += 1
            }
            let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
            let lengths = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
            weekday = (weekday + 1) % 7
            day += 1
            if day > lengths[month] { (day, month) = (1, month + 1) }
            if month == 12 { (month, year) = (0, year + 1) }
        }
        #expect(wrong == 0)
        #expect(year > 2390)
    }

    @Test func appendingKeepsWhatIsThere() {
        var bytes = Array("Date: ".utf8)
        MessageDate.append(rfc5322: 0, to: &bytes)
        #expect(String(decoding: bytes, as: UTF8.self) == "Date: Thu, 01 Jan 1970 00:00:00 +0000")
    }
}
