import CZstd

/// One zstd frame being written. Confined to the log thread.
final class ZstdStream {
    private let context: OpaquePointer
    private var scratch = [UInt8](repeating: 0, count: ZSTD_CStreamOutSize())

    /// Nil when zstd has no memory.
    init?(level: Int) {
        guard let context = ZSTD_createCCtx() else { return nil }
        self.context = context
        let bounds = ZSTD_cParam_getBounds(ZSTD_c_compressionLevel)
        let level = min(max(Int32(clamping: level), bounds.lowerBound), bounds.upperBound)
        _ = ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level)
        _ = ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1)
    }

    deinit { ZSTD_freeCCtx(context) }

    /// Compresses `bytes`; what is ready is appended to `out`.
    func compress(_ bytes: [UInt8], to out: inout [UInt8]) { run(bytes, ZSTD_e_continue, &out) }

    /// Ends the block, so that a reader of the bytes so far sees all that was compressed.
    func flush(to out: inout [UInt8]) { run([], ZSTD_e_flush, &out) }

    /// Ends the frame.
    func finish(to out: inout [UInt8]) { run([], ZSTD_e_end, &out) }

    private func run(_ bytes: [UInt8], _ directive: ZSTD_EndDirective, _ out: inout [UInt8]) {
        bytes.withUnsafeBytes { source in
            var input = ZSTD_inBuffer(src: source.baseAddress, size: source.count, pos: 0)
            while true {
                let (remaining, produced) = scratch.withUnsafeMutableBytes { target in
                    var output = ZSTD_outBuffer(dst: target.baseAddress, size: target.count, pos: 0)
                    return (ZSTD_compressStream2(context, &output, &input, directive), output.pos)
                }
                // Documented errors are misuse of the context, which this class alone holds.
                precondition(ZSTD_isError(remaining) == 0, "zstd refused its own stream")
                out.append(contentsOf: scratch[..<produced])
                if directive == ZSTD_e_continue ? input.pos == input.size : remaining == 0 { return }
            }
        }
    }
}
