/// Carries a session's bytes and asks its clock. *Loop-confined.* The channel handler is one; a fuzzer is another.
protocol SessionDriver: AnyObject {
    /// A verdict arrived outside of a call of the driver: it should `advance` the session.
    func sessionMayAdvance()
    /// The reply to STARTTLS is the last of `output` in clear: whatever is read from now on is encrypted.
    func sessionStartsTLS()
}
