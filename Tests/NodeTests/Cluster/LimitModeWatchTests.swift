import Cluster
import Telemetry
import Testing

@testable import Node

/// One line at each change of mode, and none between.
struct LimitModeWatchTests {
    typealias Story = (modes: [[LimitMode]], levels: [LogLevel?])

    @Test(arguments: [
        Story([[.redis], [.redis]], [nil, nil]),
        Story([[.redis], [.share], [.share], [.redis], [.redis]], [nil, .warn, nil, .info, nil]),
        Story([[.redis], [.share], [.closed], [.closed], [.learning], [.redis]], [nil, .warn, .error, nil, .warn, .info]),
        Story([[.redis], [.share], [.local], [.redis]], [nil, .warn, .error, .info]),
        Story([[.redis], [.share], [.floor], [.share], [.redis]], [nil, .warn, .error, .warn, .info]),
        Story([[.learning], [.learning], [.redis]], [.info, nil, .info]),
        Story([[.closed], [.redis]], [.error, .info]),
        // One of several buckets: a line for the node, not one for each.
        Story(
            [[.redis, .redis], [.redis, .share], [.share, .share], [.share, .closed], [.redis, .closed], [.redis, .redis]],
            [nil, .warn, nil, .error, nil, .info]),
    ]) func aLinePerChange(_ story: Story) {
        var watch = LimitModeWatch(settings: ClusterSettings())
        let levels = story.modes.map { watch.observe($0)?.level }
        #expect(levels == story.levels)
    }

    @Test func eachLineNamesARemedyOrTheEnd() {
        var watch = LimitModeWatch(settings: ClusterSettings())
        let lines = [LimitMode.share, .closed, .redis].map { watch.observe([$0])?.message ?? "" }
        #expect(lines[0].contains("60 s"))
        #expect(lines[1].contains("on_store_loss"))
        #expect(lines[2].contains("again"))
    }
}
