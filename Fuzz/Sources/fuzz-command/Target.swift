import SMTP

/// SMTP commands.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    SMTPFuzzing.command(UnsafeRawBufferPointer(start: start, count: count))
    return 0
}
