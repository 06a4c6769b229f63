/// One moment on both clocks. *Value.*
struct LogInstant: Sendable {
    /// Unix nanoseconds.
    var wall: Int64
    /// Monotonic nanoseconds.
    var monotonic: Int64

    static func now() -> LogInstant {
        LogInstant(wall: SystemClock.unixNanoseconds(), monotonic: SystemClock.monotonicNanoseconds())
    }
}

/// `write(2)`, or what a test puts in its place.
typealias LogFileWrite = @Sendable (Int32, UnsafeRawBufferPointer) -> Int
