import Sink
import TestSupport
import Testing

@testable import Delivery
@testable import Node

/// A handler that runs on and on delays its own client and nobody else, and its message is not accepted.
@Suite(.serialized) struct PolicyLimitTests {
    private static let policy = """
        local evil = '^(.-)%s*(.-)%s*(.-)%s*(.-)!$'
        local function check(msg)
          local user = msg:recipient().user
          if user == 'loop' then while true do end end
          if user == 'sort' then table.sort({ 3, 1, 2 }, function() while true do end end) end
          if user == 'move' then table.move({}, 1, 1 << 40, 2) end
          if user == 'pattern' then while true do pcall(string.match, msg:get_data():match('body (.*)'), evil) end end
          if user == 'memory' then local t = {} while true do t[#t + 1] = ('x'):rep(1e6) end end
          return 'clean'
        end
        kumo.on('smtp_server_message_received', function(msg)
          -- What ends a check in a coroutine must not look like a check that found nothing.
          local ok, verdict = pcall(coroutine.wrap(check), msg)
          if ok and verdict == 'spam' then kumo.reject(550, 'spam') end
        end)
        """

    /// Starts a transaction and does not wait for its end.
    private func begin(_ rig: Rig, _ recipient: String) throws -> RawClient {
        let client = try rig.client()
        try client.say("MAIL FROM:<a@x.test>")
        try client.say("RCPT TO:<\(recipient)@example.com>")
        try client.say("DATA")
        try client.write("Subject: x\r\n\r\nbody \(String(repeating: " ", count: 200))\r\n.\r\n")
        return client
    }

    /// The reply, on a machine however busy.
    private func patientReply(_ client: RawClient) throws -> String {
        for _ in 0..<11 {
            do { return try client.reply() } catch is RawClient.Failure { continue }
        }
        return try client.reply()
    }

    @Test(arguments: ["loop", "sort", "pattern", "move", "memory"])
    func endsWithATemporaryFailure(_ kind: String) async throws {
        var plan = RigPlan(policy: Self.policy)
        plan.loops = 1
        try await Rig.run(plan) { rig in
            let slow = try begin(rig, kind)
            let other = try rig.client()
            for _ in 0..<5 { #expect(try other.deliver(to: ["fine@example.com"]).hasPrefix("250")) }
            if ["loop", "sort", "pattern"].contains(kind) {
                // These pause, so the others were served meanwhile: the reply is still to come.
                let start = ContinuousClock.now
                #expect(try patientReply(slow) == "451 4.3.0 technical difficulties. Try later")
                #expect(ContinuousClock.now - start > .milliseconds(20))
            } else {
                #expect(try patientReply(slow) == "451 4.3.0 technical difficulties. Try later")
            }
            #expect(try slow.deliver(to: ["fine@example.com"]).hasPrefix("250"))
            let isDelivered = await eventually(within: .seconds(40)) { rig.counters.messages >= 6 }
            #expect(isDelivered && rig.counters.messages == 6, "\(rig.counters.messages)")
        }
    }
}
