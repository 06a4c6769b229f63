internal import COpenSSL

/// What OpenSSL noted about the last call that failed on this thread.
///
/// The queue belongs to the thread and not to a connection, so it is emptied before each call whose failure is going to be read.
enum ErrorQueue {
    /// Forgets what was noted.
    static func clear() { ERR_clear_error() }

    /// The first error, in OpenSSL's words, and empties the queue; nil when nothing was noted.
    static func take() -> String? {
        let code = ERR_get_error()
        defer { ERR_clear_error() }
        guard code != 0 else { return nil }
        guard let reason = ERR_reason_error_string(code) else { return "error \(String(code, radix: 16))" }
        return String(cString: reason)
    }

    /// Whether the first error is this one of PEM: no further block in the text.
    static var isEndOfPEM: Bool {
        let code = ERR_peek_last_error()
        return apus_tls_error_library(code) == ERR_LIB_PEM && apus_tls_error_reason(code) == PEM_R_NO_START_LINE
    }
}
