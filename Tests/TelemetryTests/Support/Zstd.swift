import CZstd

/// Reads zstd frames back, also a torn one.
enum Zstd {
    /// Everything that can be decompressed, and whether the last frame is complete.
    static func decompress(_ bytes: [UInt8]) -> (text: String, isComplete: Bool) {
        let context = ZSTD_createDCtx()
        defer { ZSTD_freeDCtx(context) }
        var out: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: ZSTD_DStreamOutSize())
        var hint = 1
        bytes.withUnsafeBytes { source in
            var input = ZSTD_inBuffer(src: source.baseAddress, size: source.count, pos: 0)
            while true {
                let before = input.pos
                let (result, produced) = chunk.withUnsafeMutableBytes { target in
                    var output = ZSTD_outBuffer(dst: target.baseAddress, size: target.count, pos: 0)
                    return (ZSTD_decompressStream(context, &output, &input), output.pos)
                }
                if ZSTD_isError(result) != 0 { return }
                out += chunk[..<produced]
                // Without progress the result speaks of a next frame.
                if produced == 0, input.pos == before { return }
                hint = result
            }
        }
        return (String(decoding: out, as: UTF8.self), hint == 0)
    }

    static func lines(_ bytes: [UInt8]) -> [String] {
        decompress(bytes).text.split(separator: "\n").map(String.init)
    }
}
