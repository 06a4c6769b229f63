import SMTP

/// Whole SMTP sessions, fed in different splits.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    SMTPFuzzing.session(UnsafeRawBufferPointer(start: start, count: count))
    return 0
}
