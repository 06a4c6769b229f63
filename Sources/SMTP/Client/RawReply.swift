/// One reply as it came from the peer (or was made here in its place): the code, and the lines as bytes.
///
/// *Value.* The data path only ever asks for `code`; the lines become text when somebody reads `reply`. Replies that carry no news
/// (2xx to RCPT, 354) are kept without their lines, see `ReplyParser.consume`.
package struct RawReply: Sendable, Equatable {
    /// Three digits, 200…599.
    package let code: Int
    /// The lines with their codes and CRLFs; empty when the text was not kept.
    package let bytes: [UInt8]

    /// A reply with that code and text.
    package init(code: Int, bytes: [UInt8] = []) {
        self.code = code
        self.bytes = bytes
    }

    /// A reply of this node's own making, for what the peer never answered.
    /// - Parameter text: one line; it is not checked, so of what a peer sent it may only hold what was made printable.
    package init(local code: Int, _ enhanced: String, _ text: String) {
        self.code = code
        self.bytes = Array("\(code) \(enhanced) \(text)\r\n".utf8)
    }

    /// 2xx.
    package var isPositive: Bool { code / 100 == 2 }
    /// 3xx.
    package var isIntermediate: Bool { code / 100 == 3 }
    /// 4xx.
    package var isTransient: Bool { code / 100 == 4 }
    /// 5xx.
    package var isPermanent: Bool { code / 100 == 5 }
    /// 421: the peer closes the connection (RFC 5321 3.8).
    var isServiceClosing: Bool { code == 421 }
}
