/// By what right a limit is used just now. *Value.*
package enum LimitMode: String, Sendable {
    /// Leased from the store.
    case redis
    /// The store was lost: the node's own share.
    case share
    /// The store is new: shares until nothing of before can be alive.
    case learning
    /// After the share: what `on_store_loss` says.
    case floor, closed, local
}
