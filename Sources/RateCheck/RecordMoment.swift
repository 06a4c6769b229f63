/// A moment as the command line gives it: `12.5s` is seconds after the first record, `123456789` is nanoseconds of the records' clock.
///
/// *Value.*
package enum RecordMoment: Sendable, Equatable {
    /// Nanoseconds after the first record.
    case afterFirst(Int64)
    /// Nanoseconds of the clock.
    case absolute(Int64)

    /// Reads the written form.
    package init(parsing text: String) throws(CheckError) {
        if text.utf8.last == UInt8(ascii: "s"), let seconds = Double(text.dropLast()), seconds >= 0, seconds < 1e9 {
            self = .afterFirst(Int64(seconds * 1e9))
        } else if let nanoseconds = Int64(text), nanoseconds >= 0 {
            self = .absolute(nanoseconds)
        } else {
            throw CheckError(.option, "'\(text)' is not a moment: write 12.5s for seconds after the first record, or absolute nanoseconds")
        }
    }

    /// The moment on the records' clock.
    package func time(first: Int64) -> Int64 {
        switch self {
        case .afterFirst(let offset): first + offset
        case .absolute(let time): time
        }
    }
}
