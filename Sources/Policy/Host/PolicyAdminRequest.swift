package import Shaping

/// *value*: an order of `kumo.api.admin.*`.
package struct PolicyAdminRequest: Sendable, Equatable {
    /// What is ordered, checked.
    package let action: AdminAction
    /// `file:line` of the call: who ordered it.
    package let source: String

    /// Makes a request.
    package init(action: AdminAction, source: String) {
        self.action = action
        self.source = source
    }
}
