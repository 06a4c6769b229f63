import ClusterModel
import Testing

/// A quick part of what `script/model` does at length: the product's agent and script in invented histories.
@Suite struct ModelSubsetTests {
    @Test(arguments: History.Subject.allCases)
    func promisesHold(subject: History.Subject) {
        var proof = Proof()
        proof.subject = subject
        let outcome = proof.run(first: 1, count: 40)
        for failure in outcome.failures { Issue.record("\(proof.explain(failure, shrinking: false, lines: 60))") }
        // Histories in which nothing happens would hold every promise.
        #expect(outcome.tally.calls > 2000)
        #expect(subject == .rates || outcome.tally.connections > 100)
        #expect(subject == .connections || outcome.tally.sends > 2000)
        #expect(subject == .connections || outcome.tally.worstRatio > 0.9)
        #expect(outcome.tally.faults.count > 6)
        #expect(outcome.tally.excluded <= 1)
    }

    /// The same seed is the same history, whatever ran before it. (For the product too where hashing is deterministic: `script/model`
    /// sees to that, a test process can not.)
    @Test func seedsRepeat() {
        var proof = Proof()
        proof.driven = .standIn
        let (_, first) = proof.transcript(seed: 1, lines: 400)
        let (_, second) = proof.transcript(seed: 1, lines: 400)
        #expect(first == second)
        #expect(first.split(separator: "\n").count > 100)
    }

    /// A sender that is late would break the promise of any limiter.
    @Test func aLateSenderIsFound() {
        var proof = Proof()
        proof.subject = .rates
        proof.defects = [.lateSpender]
        #expect(proof.run(first: 1, count: 120).failures.first?.violation.promise == .rate)
    }
}
