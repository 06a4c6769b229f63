import JSON

/// JSON texts.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    JSONFuzzing.text(UnsafeRawBufferPointer(start: start, count: count))
    return 0
}
