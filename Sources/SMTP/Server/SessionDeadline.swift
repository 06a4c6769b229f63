/// Why the time of a server session is up. *Value.*
enum SessionDeadline {
    case silence
    case command
    case content
    case verdict
}
