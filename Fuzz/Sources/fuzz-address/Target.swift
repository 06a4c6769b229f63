import Message

/// Mailboxes, paths and queue names.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    MessageFuzzing.address(UnsafeRawBufferPointer(start: start, count: count))
    return 0
}
