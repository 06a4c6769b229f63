/// A deviation from "accept everything": at a stage, sometimes, do this.
///
/// *Value.* As text: `stage[:recipient-domain]=action[@frequency]`, where
/// - stage is `connect`, `ehlo`, `mail`, `rcpt`, `data` or `dot` (the end of the content, also with BDAT),
/// - action is a reply (`450 4.2.1 try later`), `disconnect`, or `delay=200ms` (`us`, `ms`, `s`, `m`),
/// - frequency is a probability (`@0.3`, `@30%`) or every n-th time (`@every:10`); without it, always.
///
/// An "@" that is not followed by a frequency belongs to the reply's text.
package struct SinkRule: Sendable, Equatable {
    /// *Value.*
    package enum Stage: String, Sendable, CaseIterable { case connect, ehlo, mail, rcpt, data, dot }
    /// *Value.*
    package enum Action: Sendable, Equatable {
        /// Code and text, without line end. 421 closes the connection.
        case reply(String)
        case disconnect
        /// Wait, then go on.
        case delay(Duration)
    }
    /// *Value.*
    package enum Frequency: Sendable, Equatable {
        case always
        /// 0…1.
        case probability(Double)
        /// Counted over all connections.
        case every(Int)
    }

    /// Where in the dialogue.
    package let stage: Stage
    /// Only for this recipient domain, lower case; nil for all.
    package let domain: String?
    /// What to do.
    package let action: Action
    /// How often.
    package let frequency: Frequency

    /// A rule from its parts.
    package init(stage: Stage, domain: String? = nil, action: Action, frequency: Frequency = .always) {
        self.stage = stage
        self.domain = domain?.lowercased()
        self.action = action
        self.frequency = frequency
    }

    /// Reads the form described above.
    package init(parsing text: String) throws(SinkError) {
        func wrong(_ what: String) -> SinkError { SinkError(.rule, "rule \"\(text)\": \(what)") }
        guard let equals = text.firstIndex(of: "=") else {
            throw wrong("expected stage=action, for example rcpt=450 4.2.1 try later@0.3")
        }
        let place = text[..<equals].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard let stage = Stage(rawValue: String(place[0])) else {
            let names = Stage.allCases.map(\.rawValue).joined(separator: ", ")
            throw wrong("\"\(place[0])\" is not a stage; the stages are \(names)")
        }
        var domain: String?
        if place.count == 2 {
            switch stage {
            case .rcpt, .data, .dot: break
            case .connect, .ehlo, .mail:
                throw wrong("a recipient domain is known only at the stages rcpt, data and dot")
            }
            guard !place[1].isEmpty else { throw wrong("the domain after \":\" is empty") }
            domain = String(place[1])
        }
        var action = text[text.index(after: equals)...]
        var frequency = Frequency.always
        if let at = action.lastIndex(of: "@") {
            let suffix = action[action.index(after: at)...]
            if let found = Self.frequency(suffix) {
                switch found {
                case .success(let value): frequency = value
                case .failure(let error): throw wrong(error.message)
                }
                action = action[..<at]
            }
        }
        while action.last == " " { action.removeLast() }
        if action == "disconnect" {
            self.init(stage: stage, domain: domain, action: .disconnect, frequency: frequency)
        } else if action.hasPrefix("delay=") {
            guard let delay = Self.duration(action.dropFirst(6)) else {
                throw wrong("\"\(action.dropFirst(6))\" is not a delay of at most 1 hour; write for example delay=200ms or delay=2s")
            }
            self.init(stage: stage, domain: domain, action: .delay(delay), frequency: frequency)
        } else {
            let bytes = Array(action.utf8)
            guard bytes.count >= 3, (0x32...0x35).contains(bytes[0]), bytes[1] &- 0x30 < 10, bytes[2] &- 0x30 < 10,
                bytes.count == 3 || bytes[3] == 0x20
            else { throw wrong("\"\(action)\" is not an action; write a reply such as 450 4.2.1 try later, disconnect, or delay=200ms") }
            guard bytes.count <= 500, bytes.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
                throw wrong("a reply is one line of at most 500 bytes")
            }
            self.init(stage: stage, domain: domain, action: .reply(String(action)), frequency: frequency)
        }
    }

    /// nil if `text` is not meant as a frequency.
    private static func frequency(_ text: Substring) -> Result<Frequency, SinkError>? {
        if text.hasPrefix("every:") {
            guard let count = Int(text.dropFirst(6)), count >= 1 else {
                return .failure(SinkError(.rule, "\"@\(text)\" needs a count of 1 or more, for example @every:10"))
            }
            return .success(.every(count))
        }
        guard !text.isEmpty, text.utf8.allSatisfy({ $0 &- 0x30 < 10 || $0 == 0x2E || $0 == 0x25 }) else { return nil }
        let isPercent = text.hasSuffix("%")
        let share = Double(isPercent ? text.dropLast() : text).map { isPercent ? $0 / 100 : $0 }
        guard let share, share >= 0, share <= 1 else {
            return .failure(SinkError(.rule, "\"@\(text)\" is not a probability; write @0 to @1, or @30%"))
        }
        return .success(.probability(share))
    }

    private static func duration(_ text: Substring) -> Duration? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard let count = Int(digits), count >= 0, count <= 3_600_000_000 else { return nil }
        let duration: Duration
        switch text.dropFirst(digits.count) {
        case "us": duration = .microseconds(count)
        case "ms": duration = .milliseconds(count)
        case "s": duration = .seconds(count)
        case "m": duration = .seconds(count * 60)
        default: return nil
        }
        return duration <= .seconds(3600) ? duration : nil
    }
}
