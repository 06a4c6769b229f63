package import Platform

/// When an entry ends by the steady clock of this process. *Value.*
///
/// It is reckoned once, when the entry is learned, and neither written down nor handed on: two entries are equal whatever it is. So an
/// entry lasts as long as it was meant to, whatever happens to the wall clock meanwhile.
package struct LocalEnd: Sendable, Equatable {
    /// `.distantFuture`: it does not end, or was not learned yet.
    package var instant = MonotonicInstant.distantFuture

    package static func == (_: LocalEnd, _: LocalEnd) -> Bool { true }
}

extension ControlEntry {
    /// The entry as it is learned now: what is left of it by the wall clock, but never more than it was given when it was issued, since a
    /// clock that was set back meanwhile, here or there, must not prolong it.
    func learned(wall: Int64, steady: MonotonicInstant) -> ControlEntry {
        var entry = self
        entry.end = LocalEnd()
        guard let expires else { return entry }
        let left = min(expires.subtractingClamped(wall), max(0, expires.subtractingClamped(created)))
        entry.end.instant = steady.advanced(byNanoseconds: left)
        return entry
    }
}
