import Synchronization

/// The rules, sorted by stage, and what of them is counted over all sessions.
///
/// *Shared.* Immutable but for the counters of `@every:n`.
final class SinkPlan: Sendable {
    /// *Value.* What to do at one point of the dialogue.
    struct Verdict: Equatable {
        var delay = Duration.zero
        var reply: String?
        var disconnects = false

        /// Nothing special.
        var isPlain: Bool { delay == .zero && reply == nil && !disconnects }
    }

    /// One per `@every` rule.
    private final class Turn: Sendable {
        let count = Atomic<Int>(0)
    }

    private struct Entry: Sendable {
        let rule: SinkRule
        let domain: [UInt8]?
        let turn: Turn?
    }

    private let stages: [[Entry]]
    /// Some rule looks at recipient domains, so sessions must remember them.
    let usesDomains: Bool

    init(_ rules: [SinkRule]) {
        stages = SinkRule.Stage.allCases.map { stage in
            rules.filter { $0.stage == stage }.map { rule in
                let isCounted = if case .every = rule.frequency { true } else { false }
                return Entry(rule: rule, domain: rule.domain.map { Array($0.utf8) }, turn: isCounted ? Turn() : nil)
            }
        }
        usesDomains = rules.contains { $0.domain != nil }
    }

    private static func index(_ stage: SinkRule.Stage) -> Int {
        switch stage {
        case .connect: 0
        case .ehlo: 1
        case .mail: 2
        case .rcpt: 3
        case .data: 4
        case .dot: 5
        }
    }

    /// Whether any rule applies at `stage`.
    func hasRules(at stage: SinkRule.Stage) -> Bool { !stages[Self.index(stage)].isEmpty }

    /// What to do at `stage`.
    /// - Parameters:
    ///   - recipients: the recipients in question, whole addresses.
    ///   - luck: the session's own source of chance.
    func verdict(
        at stage: SinkRule.Stage, recipients: ArraySlice<[UInt8]>, luck: inout SplitMix64
    ) -> Verdict {
        var verdict = Verdict()
        for entry in stages[Self.index(stage)] {
            if let domain = entry.domain, !recipients.contains(where: { Self.isIn(domain, $0) }) { continue }
            switch entry.rule.frequency {
            case .always: break
            case .probability(let share): guard luck.unit() < share else { continue }
            case .every(let n):
                let turn = entry.turn?.count.wrappingAdd(1, ordering: .relaxed).newValue ?? 0
                guard turn % n == 0 else { continue }
            }
            switch entry.rule.action {
            case .delay(let delay): verdict.delay += delay
            case .reply(let text):
                verdict.reply = text
                return verdict
            case .disconnect:
                verdict.disconnects = true
                return verdict
            }
        }
        return verdict
    }

    private static func isIn(_ domain: [UInt8], _ address: [UInt8]) -> Bool {
        guard address.count > domain.count, address[address.count - domain.count - 1] == UInt8(ascii: "@") else { return false }
        return zip(address.suffix(domain.count), domain).allSatisfy { ($0 &- 0x41 < 26 ? $0 | 0x20 : $0) == $1 }
    }
}

/// A small source of chance with a seed (Steele, Lea and Flood's SplitMix64).
///
/// *Value.*
struct SplitMix64: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// 0 ≤ x < 1.
    mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }
}
