/// *Loop-confined*: carries a value that is not Sendable through a closure that is, back to the loop it came from.
///
/// Safe because every use here posts back to the same loop before it touches `value`; the mailbox' lock orders the accesses.
package struct LoopBound<Value>: @unchecked Sendable {
    package let value: Value
    package init(_ value: Value) { self.value = value }
}
