import NIOCore
import Testing

@testable import Delivery
@testable import Intake
@testable import Node
@testable import Resources

@Suite struct DurationTests {
    @Test func wholeNanosecondsSaturate() {
        #expect(Duration.milliseconds(1500).wholeNanoseconds == 1_500_000_000)
        #expect(Duration.nanoseconds(-1).wholeNanoseconds == -1)
        #expect(Duration.seconds(Int64.max / 2).wholeNanoseconds == .max)
    }
}
