import Cluster
import Shaping

/// Makes a failing history smaller while it still breaks the same promise. *Value.*
struct Shrink {
    /// Runs a history; answers what it breaks.
    let fails: (History) -> Violation?
    /// How many runs it may take.
    var budget = 3000

    /// The smallest it finds, and how that fails.
    func smallest(of history: History, _ violation: Violation) -> (History, Violation) {
        var (best, worst) = (history, violation)
        var runs = 0
        func attempt(_ candidate: History) -> Bool {
            // A change moves every later dice: a few throws each.
            for k in 0..<6 {
                guard runs < budget else { return false }
                runs += 1
                var candidate = candidate
                if k > 0 { candidate.seed = history.seed &+ UInt64(k) &* 7919 }
                if let found = fails(candidate), found.promise == violation.promise {
                    (best, worst) = (candidate, found)
                    return true
                }
            }
            return false
        }
        var isSmaller = true
        while isSmaller, runs < budget {
            isSmaller = false
            if worst.at + Time.second / 10 < best.duration, violation.promise != .recovery, violation.promise != .utilisation {
                var cut = best
                cut.duration = worst.at + 1
                if attempt(cut) { isSmaller = true }
            }
            for index in best.faults.indices.reversed() where best.faults.indices.contains(index) {
                var fewer = best
                fewer.faults.remove(at: index)
                if attempt(fewer) { isSmaller = true }
            }
            for index in best.nodes.indices.reversed() where best.nodes.count > 1 && best.nodes.indices.contains(index) {
                if attempt(best.without(node: index)) { isSmaller = true }
            }
            for index in best.limits.indices.reversed() where best.limits.count > 1 && best.limits.indices.contains(index) {
                var fewer = best
                fewer.limits.remove(at: index)
                if attempt(fewer) { isSmaller = true }
            }
            for change in Self.simplifications {
                var simpler = best
                guard change(&simpler) else { continue }
                if attempt(simpler) { isSmaller = true }
            }
        }
        return (best, worst)
    }

    private static func replace<T: Equatable>(_ value: inout T, _ other: T) -> Bool {
        defer { value = other }
        return value != other
    }

    /// Each answers whether it changed anything.
    private static let simplifications: [@Sendable (inout History) -> Bool] = [
        { replace(&$0.slowChance, 0) },
        { replace(&$0.lossChance, 0) },
        { replace(&$0.isLively, false) },
        { replace(&$0.storePPM, 0) },
        { replace(&$0.settings.crashHold, 0) },
        { $0.delay > 200_000 && replace(&$0.delay, 200_000) },
        { history in
            guard history.nodes.contains(where: { $0.ppm != 0 || $0.offset != 0 }) else { return false }
            for i in history.nodes.indices {
                history.nodes[i].ppm = 0
                history.nodes[i].offset = 0
            }
            return true
        },
        { history in
            guard history.nodes.contains(where: { $0.start != 0 }) else { return false }
            for i in history.nodes.indices { history.nodes[i].start = 0 }
            return true
        },
        { history in
            guard history.limits.contains(where: { $0.demand.contains { $0.style != .early } }) else { return false }
            for k in history.limits.indices { for i in history.nodes.indices { history.limits[k].demand[i].style = .early } }
            return true
        },
    ]
}

extension History {
    /// Without one of the nodes.
    func without(node index: Int) -> History {
        var history = self
        history.nodes.remove(at: index)
        for k in limits.indices { history.limits[k].demand.remove(at: index) }
        history.faults = faults.compactMap { fault in
            guard fault.isOfNode else { return fault }
            guard fault.node != index else { return nil }
            var fault = fault
            if fault.node > index { fault.node -= 1 }
            return fault
        }
        return history
    }
}
