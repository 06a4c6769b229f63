internal import Platform

/// A bounded cache that forgets what was not used lately. *Value.*
///
/// Two generations: when the young one holds half the capacity it becomes the old one, and the old one is dropped; a hit in the
/// old one moves the entry to the young. That is nearly least-recently-used, without a list to maintain per hit.
struct GenerationCache<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    /// An object, so that a hit under the owner's lock copies one reference.
    private final class Entry: Sendable {
        let value: Value
        let expires: MonotonicInstant

        init(value: Value, expires: MonotonicInstant) {
            self.value = value
            self.expires = expires
        }
    }

    private let half: Int
    private var young: [Key: Entry] = [:]
    private var old: [Key: Entry] = [:]

    init(capacity: Int) { half = max(capacity / 2, 1) }

    var count: Int { young.count + old.count }

    /// The value for `key`, unless it has expired by `now`; then it is dropped.
    mutating func value(for key: Key, now: MonotonicInstant) -> Value? {
        if let entry = young[key] {
            if entry.expires > now { return entry.value }
            young[key] = nil
            return nil
        }
        guard !old.isEmpty, let entry = old.removeValue(forKey: key), entry.expires > now else { return nil }
        insert(entry, key)
        return entry.value
    }

    mutating func insert(_ value: Value, for key: Key, expires: MonotonicInstant) {
        old[key] = nil
        insert(Entry(value: value, expires: expires), key)
    }

    mutating func removeAll() {
        young.removeAll()
        old.removeAll()
    }

    private mutating func insert(_ entry: Entry, _ key: Key) {
        if young.count >= half, young[key] == nil {
            old = young
            young = [:]
        }
        young[key] = entry
    }
}
