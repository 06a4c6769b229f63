import Options
import Shaping
import Testing

@testable import Intake

@Suite struct ClientCapsTests {
    @Test func both() throws {
        let caps = try ClientCaps(["max_connection_rate": .string("100/minute"), "max_deliveries_per_connection": .integer(5)])
        #expect(caps.maxConnectionRate == ThrottleSpec(limit: 100, periodNanoseconds: 60_000_000_000))
        #expect(caps.maxDeliveriesPerConnection == 5)
    }

    @Test func none() throws {
        let caps = try ClientCaps([:])
        #expect(caps.maxConnectionRate == nil && caps.maxDeliveriesPerConnection == nil)
    }

    @Test(arguments: [
        (["max_connection_rate": ConfigValue.integer(5)], "max_connection_rate"),
        (["max_connection_rate": .string("fast")], "fast"),
        (["max_deliveries_per_connection": .integer(0)], "max_deliveries_per_connection"),
        (["max_deliveries_per_connection": .string("5")], "max_deliveries_per_connection"),
        (["max_conection_rate": .string("1/s")], "unknown option 'max_conection_rate'"),
    ]) func mistakesAreNamed(_ table: [String: ConfigValue], _ part: String) {
        do {
            _ = try ClientCaps(table)
            Issue.record("\(table) was taken")
        } catch {
            #expect("\(error)".contains(part))
        }
    }

    /// Lua's `/` makes floats: 10/2 is 5.0.
    @Test func aWholeFloatIsAWholeNumber() throws {
        do {
            let caps = try ClientCaps(["max_deliveries_per_connection": .number(5)])
            #expect(caps.maxDeliveriesPerConnection == 5)
        }
    }
}
