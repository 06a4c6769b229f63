internal import Synchronization

/// Two answers that come in any order. *Shared.* The call that brings the second one gets both.
final class SharedPair<Value: Sendable>: Sendable {
    private let state = Mutex<(first: Value?, second: Value?)>((nil, nil))

    func set(first: Value) -> (Value, Value)? {
        state.withLock { state in
            state.first = first
            return state.second.map { (first, $0) }
        }
    }

    func set(second: Value) -> (Value, Value)? {
        state.withLock { state in
            state.second = second
            return state.first.map { ($0, second) }
        }
    }
}
