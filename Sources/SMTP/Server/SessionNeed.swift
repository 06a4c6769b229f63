/// What a server session waits for. *Value.*
enum SessionNeed {
    case command
    case content
    case verdict
    case nothing
}
