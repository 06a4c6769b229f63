/// Lays out one header field in lines (RFC 5322 section 2.2.3): at most 78 columns wherever white space allows, never more than 998. *Value*.
struct HeaderFolder {
    /// Columns to stay within if possible (RFC 5322 section 2.1.1).
    static let preferredLimit = 78
    /// Columns never to exceed (idem).
    static let hardLimit = 998

    private let name: String
    private var bytes: [UInt8]
    private var column: Int

    init(name: String) {
        self.name = name
        bytes = Array(name.utf8)
        bytes.append(Byte.colon)
        column = bytes.count
    }

    /// Adds a piece that must stay whole, after white space that may become the start of a line.
    mutating func append(_ piece: some Collection<UInt8>, white: [UInt8] = [Byte.space]) throws(MessageBuilderError) {
        let white = white.isEmpty ? [Byte.space] : white
        let width = white.count + piece.count
        guard width <= Self.hardLimit else { throw MessageBuilderError(.lineTooLong, field: name) }
        let isFirst = column == bytes.count && bytes.count == name.utf8.count + 1
        let fits = column + width <= Self.preferredLimit
        // A value that starts on the second line is legal but unusual: only where it helps.
        let helps = !isFirst || width <= Self.preferredLimit || column + width > Self.hardLimit
        if !fits && helps { fold() }
        bytes += white
        bytes += piece
        column += width
    }

    /// Adds text as encoded words, as many as it takes, after at most one byte of white space.
    mutating func append(encoding text: String, white: [UInt8] = [Byte.space]) throws(MessageBuilderError) {
        var encoder = EncodedWord(text)
        var white = white
        while !encoder.isAtEnd {
            // Lines with encoded words have at most 76 columns (RFC 2047 section 2).
            var room = 75 - column
            if room < 40 {
                fold()
                room = 75
            }
            try append(encoder.next(room: room), white: white)
            white = [Byte.space]
        }
    }

    /// The field with its line end.
    func finished() -> [UInt8] {
        bytes + [Byte.cr, Byte.lf]
    }

    private mutating func fold() {
        bytes.append(Byte.cr)
        bytes.append(Byte.lf)
        column = 0
    }
}
