/// A broken promise. *Value.*
package struct Violation: Sendable, Equatable {
    /// Which promise.
    package enum Promise: String, Sendable, CaseIterable {
        /// The script failed.
        case script
        /// R1: too many sends in a window.
        case rate = "R1"
        /// R2: too many connections.
        case connections = "R2"
        /// R6: nothing was sent while the store was gone.
        case outage = "R6"
        /// Too little was sent though nothing was wrong.
        case utilisation = "R3"
        /// The limit did not come back after the last fault.
        case recovery = "recovery"
        /// The worse, the lower.
        var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
    }

    package var promise: Promise
    /// True time.
    package var at: Int64
    package var text: String

    /// One line.
    package var line: String { "\(Time.text(at))  VIOLATION of \(promise.rawValue): \(text)" }
}
