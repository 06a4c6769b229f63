/// A node of the MIME tree to write. *Value*.
indirect enum MIMEPart: Sendable {
    /// Complete header lines and an encoded body. `isIdentity`: the body was not encoded, so it may hold anything, also what looks like a boundary.
    case leaf(headers: [UInt8], body: [UInt8], isIdentity: Bool)
    /// A multipart; `parameters` are written after the boundary.
    case multipart(subtype: String, parameters: String, parts: [MIMEPart])

    /// About the bytes this part takes.
    var size: Int {
        switch self {
        case .leaf(let headers, let body, _): headers.count + body.count + 2
        case .multipart(_, _, let parts): parts.reduce(200) { $0 + $1.size + 60 }
        }
    }

    /// Every body that is not encoded.
    func forEachBody(_ visit: (_ body: [UInt8], _ isIdentity: Bool) -> Void) {
        switch self {
        case .leaf(_, let body, let isIdentity): visit(body, isIdentity)
        case .multipart(_, _, let parts): for part in parts { part.forEachBody(visit) }
        }
    }

    /// Writes headers, empty line and body. `depth` counts the multiparts met, so that each has its own boundary.
    func write(into output: inout [UInt8], boundaries: MIMEBoundaries, depth: inout Int) {
        switch self {
        case .leaf(let headers, let body, _):
            output += headers
            output += [Byte.cr, Byte.lf]
            output += body
        case .multipart(let subtype, let parameters, let parts):
            let boundary = boundaries.text(depth)
            depth += 1
            output += "Content-Type: multipart/\(subtype);\r\n boundary=\"".utf8
            output += boundary
            output += "\"\(parameters)\r\n\r\n".utf8
            for part in parts {
                output += [Byte.hyphen, Byte.hyphen]
                output += boundary
                output += [Byte.cr, Byte.lf]
                part.write(into: &output, boundaries: boundaries, depth: &depth)
                // This line end belongs to the boundary, not to the part (RFC 2046 section 5.1.1).
                output += [Byte.cr, Byte.lf]
            }
            output += [Byte.hyphen, Byte.hyphen]
            output += boundary
            output += [Byte.hyphen, Byte.hyphen, Byte.cr, Byte.lf]
        }
    }
}
