import ClusterModel
import Testing

/// The model is tested by a limiter whose faults are known: sound, it passes; with any bug planted, it is caught.
@Suite struct StandInTests {
    private func proof(_ defects: Set<Defect>, _ subject: History.Subject) -> Proof {
        var proof = Proof()
        proof.driven = .standIn
        proof.defects = defects
        proof.subject = subject
        return proof
    }

    @Test(arguments: [History.Subject.rates, .connections])
    func theSoundOnePasses(subject: History.Subject) {
        let proof = proof([], subject)
        let outcome = proof.run(first: 1, count: 60)
        for failure in outcome.failures { Issue.record("\(proof.explain(failure, shrinking: false, lines: 60))") }
        #expect(outcome.tally.calls > 2000)
    }

    /// The seeds are some at which the bug shows, so that the search for it need not be part of every run.
    @Test(arguments: [
        (Defect.blindScript, History.Subject.connections, UInt64(90)), (.oldRequest, .connections, 690), (.longLease, .connections, 120),
        (.prefetch, .rates, 30), (.noQuiet, .connections, 1), (.noQuiet, .rates, 80), (.lateSpender, .rates, 30),
        (.staleLease, .connections, 120),
    ])
    func everyPlantedBugIsFound(defect: Defect, subject: History.Subject, seed: UInt64) throws {
        let outcome = proof([defect], subject).run(first: seed, count: 40)
        let failure = try #require(outcome.failures.first)
        #expect(failure.violation.promise == (subject == .rates ? .rate : .connections))
        let sound = proof([], subject)
        #expect(sound.run(sound.history(seed: failure.seed)).violation == nil, "without the bug the same history is sound")
    }

    /// What fails is told in fewer parts, and fails again.
    @Test func failuresShrink() throws {
        let proof = proof([.noQuiet], .connections)
        let failure = try #require(proof.run(first: 1, count: 40).failures.first)
        let text = proof.explain(failure, shrinking: true, lines: 40)
        #expect(text.contains("VIOLATION of R2"))
        #expect(!text.contains("did not fail again"))
        #expect(text.split(separator: "\n").filter { $0.hasPrefix("fault: ") }.count <= 2)
    }
}
