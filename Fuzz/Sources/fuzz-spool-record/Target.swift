import Spool

/// Bytes of a spool segment.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    SpoolFuzzing.record(UnsafeRawBufferPointer(start: start, count: count))
    return 0
}
