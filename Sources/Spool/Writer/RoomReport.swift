/// What the log was told of room on the volume, so that it gets one line at each change and none for each message. *state machine*.
struct RoomReport {
    /// How things stand. *value*.
    enum State: Equatable {
        case good
        /// Below a floor of the options.
        case low
        /// A system call failed for want of something.
        case short(Shortage)
    }

    /// What to log. *value*.
    enum Line: Equatable {
        case trouble(remedy: String)
        case over
    }

    /// A shortage is believed so long: the call is not tried again for each message.
    static let hold: Int64 = 1_000_000_000
    /// Without trouble for so long it is over; else a volume at its edge would write two lines a second.
    static let calm: Int64 = 2_000_000_000

    private(set) var said = State.good
    private var troubleAt: Int64?

    /// There is trouble. nil when that was said.
    mutating func trouble(_ state: State, now: Int64) -> Line? {
        troubleAt = now
        guard said != state else { return nil }
        said = state
        switch state {
        case .good: return nil
        case .low: return .trouble(remedy: "\(Shortage.space.remedy), or set min_free_space and min_free_inodes lower")
        case .short(let shortage): return .trouble(remedy: shortage.remedy)
        }
    }

    /// There is room by the numbers. `.over` when that has lasted.
    mutating func room(now: Int64) -> Line? {
        guard said != .good, let troubleAt, now - troubleAt >= Self.calm else { return nil }
        said = .good
        return .over
    }

    /// Whether a call failed so recently that it is not tried again.
    func isShort(now: Int64) -> Bool {
        guard case .short = said, let troubleAt else { return false }
        return now - troubleAt < Self.hold
    }
}
