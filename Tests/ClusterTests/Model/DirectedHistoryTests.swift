import Cluster
import ClusterModel
import Shaping
import Testing

/// Histories made by hand, each around one danger: sound, it is survived; with the bug it is about, it is not.
@Suite struct DirectedHistoryTests {
    private static func history(cap: Int, wanted: [Double], duration: Int64, _ faults: [Fault]) -> History {
        var settings = History.shortSettings
        settings.buckets = 1
        settings.storeLoss = .closed
        var history = History(
            seed: 1, duration: duration, settings: settings, nodes: wanted.map { _ in History.Node() },
            limits: [
                History.Limit(
                    key: LimitKey(name: "cap"), spec: nil, cap: cap, demand: wanted.map { History.Demand(rate: $0) })
            ],
            faults: faults, delay: 2 * Time.millisecond)
        history.isLively = false
        return history
    }

    /// The store is emptied while the holder of all connections can not reach it, and the only other node starts again.
    static let emptiedUnseen = history(
        cap: 4, wanted: [4, 4, 4], duration: 12 * Time.second,
        [
            Fault(.partition, at: 6 * Time.second, length: 6 * Time.second, node: 0),
            Fault(.partition, at: 6 * Time.second, length: 6 * Time.second, node: 2),
            Fault(.kill, at: 6 * Time.second, length: 300 * Time.millisecond, node: 1),
            Fault(.flush, at: 6 * Time.second + 100 * Time.millisecond),
        ])

    /// A node is cut off for longer than its lease, the others go on.
    static let cutOff = history(
        cap: 3, wanted: [3, 3], duration: 14 * Time.second,
        [Fault(.partition, at: 5 * Time.second, length: 8 * Time.second, node: 0)])

    /// A node is stopped for longer than its lease.
    static let stopped = history(
        cap: 3, wanted: [3, 3], duration: 16 * Time.second,
        [Fault(.pause, at: 5 * Time.second, length: 9 * Time.second, node: 0)])

    @Test(arguments: [
        ("emptied unseen", emptiedUnseen, Defect.amnesia), ("cut off", cutOff, .staleLease), ("stopped", stopped, .staleLease),
    ])
    func dangers(name: String, history: History, bug: Defect) {
        var proof = Proof()
        let (violation, tally) = proof.run(history)
        #expect(violation == nil, "\(name)")
        #expect(tally.worstCap == 1)
        #expect(tally.excluded == 0)
        proof.defects = [bug]
        let broken = proof.run(history)
        if bug == .amnesia {
            // With an empty disk this is the one case that nothing is promised for.
            #expect(broken.tally.excluded == 1)
        } else {
            #expect(broken.violation?.promise == .connections, "\(name) with \(bug)")
        }
    }
}
