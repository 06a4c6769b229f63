import Glibc

/// SplitMix64, so that every random test can print and repeat its seed.
struct TestRandom: RandomNumberGenerator {
    var state: UInt64
    init(_ seed: UInt64) { state = seed }
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
        return z ^ z >> 31
    }
}

/// Runs `body` on a copy of the bytes that ends exactly where an unreadable page begins: one byte read too far is a crash.
func withGuarded<R>(_ bytes: [UInt8], _ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    let readable = (bytes.count + page - 1) / page * page
    guard let map = mmap(nil, readable + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), map != MAP_FAILED else {
        fatalError("mmap failed")
    }
    defer { munmap(map, readable + page) }
    precondition(mprotect(map + readable, page, PROT_NONE) == 0)
    let start = map + (readable - bytes.count)
    bytes.withUnsafeBytes { if let base = $0.baseAddress { start.copyMemory(from: base, byteCount: bytes.count) } }
    return try body(UnsafeRawBufferPointer(start: start, count: bytes.count))
}

func withGuarded<R>(_ text: String, _ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
    try withGuarded(Array(text.utf8), body)
}

/// Seeds of the random tests.
let seeds: [UInt64] = [1, 2, 3, 5, 8, 13, 21, 34]

/// A string of pieces that grammars care about, in random order.
func randomText(_ random: inout TestRandom, pieces: [String], upTo limit: Int) -> String {
    (0..<Int.random(in: 0...limit, using: &random)).map { _ in pieces.randomElement(using: &random) ?? "" }.joined()
}
