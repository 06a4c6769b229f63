import Options

/// A rate limit as it is written: so many per period, with a burst. *Value.*
///
///     [local:]N/[k]period[,max_burst=B][,on_store_loss=share|closed|local|floor:N/period]
///
///     100/s   1,000/minute   20/30min   local:10/s,max_burst=1   500/h,on_store_loss=closed
package struct ThrottleSpec: Sendable, Hashable {
    /// How many per period, 1 to 1,000,000,000.
    package let limit: Int
    /// The period in nanoseconds; at least a second when it was parsed, so that one unit is never less than a nanosecond.
    package let periodNanoseconds: Int64
    /// How many may come at once; the limit unless said otherwise.
    package let maxBurst: Int
    /// Whether the limit counts on this node only, even when the nodes of a cluster share their limits.
    package let isLocal: Bool
    /// What happens to it when the store of a cluster is lost; nil for what the cluster's configuration says.
    package let onStoreLoss: StoreLoss?

    /// A rate from its parts. Counts and period below one are raised to one; the burst is the limit unless given.
    package init(
        limit: Int, periodNanoseconds: Int64, maxBurst: Int? = nil, isLocal: Bool = false, onStoreLoss: StoreLoss? = nil
    ) {
        self.limit = max(1, limit)
        self.periodNanoseconds = max(1, periodNanoseconds)
        self.maxBurst = max(1, maxBurst ?? limit)
        self.isLocal = isLocal
        self.onStoreLoss = onStoreLoss
    }

    /// Whether both allow the same: they may differ only in what happens when the store is lost.
    ///
    /// Limiters compare by this, so that a change of `on_store_loss` does not restart a rate; configurations compare by `==`, so that the
    /// change is noticed.
    package func isSameRate(as other: ThrottleSpec) -> Bool {
        limit == other.limit && periodNanoseconds == other.periodNanoseconds && maxBurst == other.maxBurst && isLocal == other.isLocal
    }

    /// The shortest written form; reads back as the same rate.
    package var text: String {
        let burst = maxBurst == limit ? "" : ",max_burst=\(maxBurst)"
        let loss = onStoreLoss.map { ",on_store_loss=\($0.text)" } ?? ""
        return "\(isLocal ? "local:" : "")\(bareText)\(burst)\(loss)"
    }

    /// The count and the period alone, as `100/s`.
    package var bareText: String {
        var period = "\(periodNanoseconds)ns"  // only for a rate made in code with a period that is not whole seconds
        for (name, unit) in [("d", DurationText.day), ("h", DurationText.hour), ("m", DurationText.minute), ("s", DurationText.second)]
        where periodNanoseconds % unit == 0 {
            let count = periodNanoseconds / unit
            period = count == 1 ? name : "\(count)\(name)"
            break
        }
        return "\(limit)/\(period)"
    }
}
