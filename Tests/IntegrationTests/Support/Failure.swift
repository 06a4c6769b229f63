import Glibc

/// *Value*: why a test cannot go on, one sentence.
struct Failure: Error, CustomStringConvertible {
    let description: String
    init(_ text: String) { description = text }
    static func system(_ what: String) -> Failure { Failure("\(what): \(String(cString: strerror(errno)))") }
}

/// *Value*: the monotonic clock, nanoseconds; the same one the sink writes into its record.
enum Now {
    static var nanoseconds: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    static var seconds: Double { Double(nanoseconds) / 1e9 }
    static func sleep(_ seconds: Double) { usleep(UInt32(max(0, seconds) * 1_000_000)) }
}

/// How much longer than on a quiet machine a wait may take on one whose cores are busy with something else. A wait that holds ends at once.
private let patience = 6.0

/// Asks again until `condition` holds; `false` when it never did. `seconds` are those of a quiet machine.
func eventually(within seconds: Double, every pause: Double = 0.02, _ condition: () throws -> Bool) rethrows -> Bool {
    let end = Now.seconds + seconds * patience
    while true {
        if try condition() { return true }
        if Now.seconds > end { return false }
        Now.sleep(pause)
    }
}

/// *Value*: chance with a seed (SplitMix64), so that a run can be repeated.
struct Chance: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    mutating func bytes(_ count: Int) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(count + 8)
        while out.count < count { withUnsafeBytes(of: next()) { out.append(contentsOf: $0) } }
        return Array(out.prefix(count))
    }
}

/// The seed of a test: `APUS_TEST_SEED` or a random one. Prints it.
func announcedSeed(_ test: String, variable: String = "APUS_TEST_SEED") -> UInt64 {
    let seed = Environment.integer(variable).map { UInt64(truncatingIfNeeded: $0) } ?? UInt64.random(in: 1...999_999)
    print("\(test): \(variable)=\(seed)")
    return seed
}

/// *Value*: the environment of the test run.
enum Environment {
    static func text(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
    static func integer(_ name: String) -> Int? { text(name).flatMap { Int($0) } }
}
