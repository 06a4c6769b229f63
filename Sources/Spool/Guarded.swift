import Glibc
internal import Platform

/// A value behind a pthread mutex with one condition. *shared*.
///
/// Not `Synchronization.Mutex`: it has no condition to wait on, and its futex calls live in the uninstrumented standard
/// library, so that ThreadSanitizer reports every correct use as a race; this target is tested under it.
///
/// `@unchecked Sendable`: `value` is touched only inside `withLock` and `wait`, which hold the mutex.
final class Guarded<Value>: @unchecked Sendable {
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>
    private var value: Value

    init(_ value: sending Value) {
        self.value = value
        mutex = .allocate(capacity: 1)
        mutex.initialize(to: pthread_mutex_t())
        condition = .allocate(capacity: 1)
        condition.initialize(to: pthread_cond_t())
        pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        // The wall clock may jump; waiting must not care. `conditionDeadline` converts to this clock.
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(condition, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    func withLock<R, E: Error>(_ body: (inout Value) throws(E) -> R) throws(E) -> R {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body(&value)
    }

    /// Waits until `ready` answers something, or until the monotonic deadline (then nil).
    func wait<R>(until deadline: Int64? = nil, _ ready: (inout Value) -> R?) -> R? {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while true {
            if let result = ready(&value) { return result }
            if let deadline {
                var time = conditionDeadline(MonotonicInstant(nanoseconds: deadline))
                if pthread_cond_timedwait(condition, mutex, &time) == ETIMEDOUT { return ready(&value) }
            } else {
                pthread_cond_wait(condition, mutex)
            }
        }
    }

    func signal() { pthread_cond_signal(condition) }
    func broadcast() { pthread_cond_broadcast(condition) }
}

/// Nanoseconds of the steady clock; the spool measures with nothing else.
func monotonicNow() -> Int64 { MonotonicInstant.now().nanoseconds }
