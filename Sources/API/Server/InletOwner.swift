import NIOCore

/// Who an `HTTPInlet` reads for. *Loop-confined.*
protocol InletOwner: AnyObject {
    /// Whether more bytes may come.
    var wantsInput: Bool { get }
    /// Whether a body is coming, for which reads are larger.
    var isReceivingBody: Bool { get }
    /// Bytes have come.
    func received(_ bytes: ByteBuffer)
    /// No more bytes will come.
    func inputClosed()
}
