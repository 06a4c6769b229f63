import SMTP

/// Replies of a server, fed in different splits.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    ClientFuzzing.reply(UnsafeRawBufferPointer(start: start, count: count))
    return 0
}
