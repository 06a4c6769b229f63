/// What an accounting record reports. *Value*; the raw value is its name in the logs.
package enum LogRecordType: String, Sendable, Hashable, CaseIterable {
    case reception = "Reception"
    case delivery = "Delivery"
    case transientFailure = "TransientFailure"
    case bounce = "Bounce"
    case expiration = "Expiration"
    case rejection = "Rejection"
    case delayed = "Delayed"
    case adminBounce = "AdminBounce"
    case adminRebind = "AdminRebind"
    case outOfBand = "OOB"
    case feedback = "Feedback"
    case deferredInjectionRebind = "DeferredInjectionRebind"
    case transferOut = "XferOut"
    case transferIn = "XferIn"
}
