/// What the check of one rate found. *Value.*
package struct RateReport: Sendable, Equatable {
    /// A closed window. *Value.*
    package struct Window: Sendable, Equatable {
        /// Records inside.
        package var count: Int
        /// Time of the first of them.
        package var start: Int64
        /// Time of the last of them.
        package var end: Int64
    }

    /// A time in which nothing was sent. *Value.*
    package struct Gap: Sendable, Equatable {
        /// Nanoseconds.
        package var length: Int64
        /// Where it begins.
        package var start: Int64
    }

    /// One node's part. *Value.*
    package struct Node: Sendable, Equatable {
        /// Its number in the `NameTable`.
        package var node: Int32
        /// Records between `from` and `to`.
        package var count: Int
        /// The longest time it waited between two of them, or for the first one, or since the last.
        package var longestGap: Int64
    }

    /// The limit that was checked.
    package var limit: Int
    /// Its period in nanoseconds.
    package var period: Int64
    /// All records.
    package var total: Int
    /// The fullest window.
    package var worst: Window
    /// By how many the fullest window exceeds the limit.
    package var overshoot: Int
    /// How many records ended a window that held more than the limit.
    package var windowsOver: Int
    /// Begin of the time that was measured.
    package var from: Int64
    /// Its end.
    package var to: Int64
    /// Records inside of it.
    package var inside: Int
    /// `inside`, as a share of what the limit allows in that time.
    package var utilisation: Double
    /// The longest time without a record; between `from` and `to` where they were given.
    package var gap: Gap
    /// How many gaps were longer than the period.
    package var gapsOverPeriod: Int
    /// Every node that sent, by number; records without a node are under `NameTable.nobody`.
    package var nodes: [Node]
    /// Jain's index over the nodes: 1 when all sent alike, 1/n when one sent all.
    package var jain: Double
    /// Nanoseconds from the moment given until the rate was back; nil when it was not, or no moment was given.
    package var backAfter: Int64?
}
