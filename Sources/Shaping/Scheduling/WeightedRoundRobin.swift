/// Takes elements in turn, each as often as its weight says. *Value.*
///
/// The classic interleaved rotation: a level falls from the greatest weight in steps of the weights' greatest common
/// divisor, and in each round every element whose weight reaches the level has one turn.
package struct WeightedRoundRobin<Element: Sendable>: Sendable {
    private struct Slot: Sendable {
        let element: Element
        let weight: Int
    }

    private let slots: [Slot]
    private let step: Int
    private let greatest: Int
    private var index = -1
    private var level = 0

    /// A rotation. Elements with a weight of 0 or less have no turns.
    package init(_ elements: [(Element, Int)]) {
        slots = elements.compactMap { element, weight in weight > 0 ? Slot(element: element, weight: weight) : nil }
        step = slots.reduce(0) { Self.greatestCommonDivisor($0, $1.weight) }
        greatest = slots.reduce(0) { max($0, $1.weight) }
    }

    /// Whether no element has a turn.
    package var isEmpty: Bool { slots.isEmpty }

    /// How many elements have turns.
    package var count: Int { slots.count }

    /// The next element in turn that is eligible; nil when none is. Asks each element at most once.
    ///
    /// An element that is not eligible loses this turn only. The time is bounded by the square of the count, whatever the
    /// weights: once an element declined, the level falls at once to where an element that was not asked yet has a turn.
    package mutating func next(where eligible: (Element) -> Bool) -> Element? {
        guard !slots.isEmpty else { return nil }
        var asked: [Bool] = []  // filled at the first refusal only: the usual call allocates nothing
        var left = slots.count
        while left > 0 {
            index += 1
            if index == slots.count {
                index = 0
            }
            if index == 0 { lower(asked) }
            guard slots[index].weight >= level, asked.isEmpty || !asked[index] else { continue }
            let element = slots[index].element
            if eligible(element) { return element }
            if asked.isEmpty { asked = Array(repeating: false, count: slots.count) }
            asked[index] = true
            left -= 1
        }
        return nil
    }

    /// The next element in turn.
    package mutating func next() -> Element? { next(where: { _ in true }) }

    private mutating func lower(_ asked: [Bool]) {
        level -= step
        if level <= 0 { level = greatest }
        guard !asked.isEmpty else { return }
        var reachable = 0
        for (slot, wasAsked) in zip(slots, asked) where !wasAsked { reachable = max(reachable, slot.weight) }
        if reachable > 0 { level = min(level, reachable) }
    }

    private static func greatestCommonDivisor(_ a: Int, _ b: Int) -> Int {
        var (a, b) = (a, b)
        while b != 0 { (a, b) = (b, a % b) }
        return a
    }
}
