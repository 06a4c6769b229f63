import Message

/// The header scanner, and the builder with the same bytes as content.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    MessageFuzzing.header(UnsafeRawBufferPointer(start: start, count: count))
    return 0
}
