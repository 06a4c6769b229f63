import Testing

@testable import Telemetry

@Suite struct MetricRegistryTests {
    private func text(_ registry: MetricRegistry, prefix: String? = nil) -> String {
        String(decoding: registry.render(prefix: prefix), as: UTF8.self)
    }

    @Test func rendersTheGoldenText() {
        let registry = MetricRegistry()
        let received = registry.counter("total_messages_received", "Messages received.", labels: ["service"])
        received.with("esmtp_listener").add()
        received.with("esmtp_listener").add(41)
        received.with("odd \"name\"\\\nline").add(2)
        registry.gauge("message_count", "Messages\nin \\ memory.").with().set(-3)
        let latency = registry.histogram(
            "deliver_message_latency_rollup", "Seconds.", labels: ["service"], buckets: [0.005, 1, 2.5])
        latency.with("smtp_client").observe(0.005)
        latency.with("smtp_client").observe(0.5)
        latency.with("smtp_client").observe(100)
        latency.with("smtp_client").observe(.nan)
        registry.collect("disk_free_percent", "Free.", labels: ["name"], kind: .gauge) {
            [(["spool"], 12.5), (["logs"], 1e16), (["x"], .infinity), (["y"], .nan), (["broken", "row"], 1)]
        }
        registry.histogram("empty", "No labels.", buckets: [1]).with().observe(nanoseconds: 1_500_000_000)
        #expect(
            text(registry) == #"""
                # HELP deliver_message_latency_rollup Seconds.
                # TYPE deliver_message_latency_rollup histogram
                deliver_message_latency_rollup_bucket{service="smtp_client",le="0.005"} 1
                deliver_message_latency_rollup_bucket{service="smtp_client",le="1"} 2
                deliver_message_latency_rollup_bucket{service="smtp_client",le="2.5"} 2
                deliver_message_latency_rollup_bucket{service="smtp_client",le="+Inf"} 3
                deliver_message_latency_rollup_sum{service="smtp_client"} 100.505
                deliver_message_latency_rollup_count{service="smtp_client"} 3
                # HELP disk_free_percent Free.
                # TYPE disk_free_percent gauge
                disk_free_percent{name="spool"} 12.5
                disk_free_percent{name="logs"} 1e+16
                disk_free_percent{name="x"} +Inf
                disk_free_percent{name="y"} NaN
                # HELP empty No labels.
                # TYPE empty histogram
                empty_bucket{le="1"} 0
                empty_bucket{le="+Inf"} 1
                empty_sum 1.5
                empty_count 1
                # HELP message_count Messages\nin \\ memory.
                # TYPE message_count gauge
                message_count -3
                # HELP total_messages_received Messages received.
                # TYPE total_messages_received counter
                total_messages_received{service="esmtp_listener"} 42
                total_messages_received{service="odd \"name\"\\\nline"} 2

                """#)
        #expect(text(registry, prefix: "message_").hasPrefix("# HELP message_count"))
        #expect(!text(registry, prefix: "message_").contains("total_messages"))
        #expect(registry.render(prefix: "nothing").isEmpty)
    }

    @Test func foldsSeriesPastTheBoundIntoOther() {
        let registry = MetricRegistry()
        let family = registry.counter("c", "h", labels: ["a", "b"], maxSeries: 3)
        for n in 0..<10 { family.with("a\(n)", "b").add(n) }
        let lines = text(registry).split(separator: "\n").dropFirst(2)
        #expect(lines.count == 4)
        #expect(lines.last == #"c{a="other",b="other"} 42"#)
        // Known series stay their own.
        family.with("a2", "b").add(5)
        #expect(text(registry).contains(#"c{a="a2",b="b"} 7"#))
    }

    @Test func foldsCollectedRowsPastTheBound() {
        let registry = MetricRegistry()
        registry.collect("g", "h", labels: ["q"], kind: .gauge, maxSeries: 2) { (0..<5).map { (["q\($0)"], Double($0)) } }
        #expect(text(registry).hasSuffix("g{q=\"q0\"} 0\ng{q=\"q1\"} 1\ng{q=\"other\"} 9\n"))
    }

    @Test func forgetsRemovedSeriesAndKeepsTheRest() {
        let registry = MetricRegistry()
        let family = registry.gauge("g", "h", labels: ["q"])
        let kept = (0..<5).map { family.with("q\($0)") }
        for (n, gauge) in kept.enumerated() { gauge.set(n) }
        family.remove("q1")
        family.remove("q1")
        family.remove("q4")
        #expect(Set(text(registry).split(separator: "\n").dropFirst(2)) == ["g{q=\"q0\"} 0", "g{q=\"q2\"} 2", "g{q=\"q3\"} 3"])
        for n in [0, 2, 3] { #expect(family.with("q\(n)") === kept[n]) }
        #expect(family.with("q1").value == 0)
    }

    @Test func sameNameIsTheSameFamily() {
        let registry = MetricRegistry()
        registry.counter("c", "h", labels: ["x"]).with("1").add()
        registry.counter("c", "h", labels: ["x"]).with("1").add()
        #expect(text(registry).hasSuffix("c{x=\"1\"} 2\n"))
    }

    @Test func cutsLongLabelValuesAtACharacter() {
        let long = String(repeating: "é", count: 200)
        #expect(MetricText.bounded("x" + long) == "x" + String(repeating: "é", count: 127))
        #expect(MetricText.bounded(long) == String(repeating: "é", count: 128))
        #expect(MetricText.bounded("short") == "short")
    }

    @Test func countersOnlyGrow() {
        let counter = Counter()
        counter.add(5)
        counter.add(-3)
        counter.add(0)
        #expect(counter.value == 5)
    }

    @Test func losesNothingUnderContention() async {
        let registry = MetricRegistry()
        let counters = registry.counter("c", "h", labels: ["n"])
        let histogram = registry.histogram("h", "h", buckets: [10]).with()
        await withTaskGroup(of: Void.self) { group in
            for n in 0..<8 {
                group.addTask {
                    for _ in 0..<2_000 {
                        counters.with("\(n % 2)").add()
                        histogram.observe(1)
                    }
                }
            }
        }
        #expect(counters.with("0").value == 8_000)
        #expect(histogram.count == 16_000)
        #expect(histogram.sum == 16_000)
    }
}
