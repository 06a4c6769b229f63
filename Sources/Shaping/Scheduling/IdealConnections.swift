import Glibc

/// How many connections a backlog deserves. *Value* (a namespace).
package enum IdealConnections {
    /// `ceil(min(q, L·(1−e^(−0.023·q))))`: few connections for a few messages, the limit for many.
    ///
    /// Never more than the limit or the backlog, never negative.
    package static func count(backlog: Int, limit: Int) -> Int {
        guard backlog > 0, limit > 0 else { return 0 }
        // -expm1(-x) is 1-e^-x without the loss of digits for a small x.
        let wanted = Double(limit) * -expm1(-0.023 * Double(backlog))
        // Compared before the conversion: a Double near Int.max may round up to a value that has no Int.
        guard wanted < Double(min(backlog, limit)) else { return min(backlog, limit) }
        return min(Int(wanted.rounded(.up)), backlog, limit)
    }
}
