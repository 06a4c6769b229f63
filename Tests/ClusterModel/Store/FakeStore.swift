internal import CLua

/// The limit store of the model: the product's script in an embedded Lua over tables. *Thread-confined.*
///
/// Swift frames are never on the stack while Lua raises: errors can only begin inside `lua_pcallk`, and what runs there is Lua alone.
final class FakeStore {
    /// A script that failed, or does not compile. *Value.*
    struct Failure: Error { let text: String }

    private let state: OpaquePointer
    private let script: CInt
    private let run: CInt
    private let control: CInt
    /// How many times the script ran.
    private(set) var calls = 0
    /// Bytes of keys and arguments, as they would travel.
    private(set) var argumentBytes = 0
    /// Nanoseconds of CPU time spent inside the script, when it is measured.
    private(set) var spent: Int64 = 0
    /// Whether `spent` is kept.
    var isTimed = false

    /// A store that runs `script`.
    init(script text: String) throws(Failure) {
        guard let state = luaL_newstate() else { throw Failure(text: "no memory for a Lua state") }
        luaL_openlibs(state)
        func refuse() -> Failure {
            let text = Self.text(state, -1)
            lua_close(state)
            return Failure(text: text)
        }
        guard luaL_loadstring(state, StoreText.text) == LUA_OK, lua_pcallk(state, 0, 2, 0, 0, nil) == LUA_OK else { throw refuse() }
        control = luaL_ref(state, Self.registry)
        run = luaL_ref(state, Self.registry)
        guard luaL_loadstring(state, text) == LUA_OK else { throw refuse() }
        script = luaL_ref(state, Self.registry)
        self.state = state
    }

    deinit { lua_close(state) }

    /// Forgets all data and copies, as at the beginning of a history.
    func reset() {
        order("reset")
        calls = 0
        argumentBytes = 0
        spent = 0
    }
    /// Loses all data.
    func flush() { order("flush") }
    /// Keeps a copy of the data, as a replica or a file on disk has it.
    func copy(_ slot: Int) { order("copy", slot) }
    /// Puts a copy in place of the data.
    func restore(_ slot: Int) { order("restore", slot) }
    /// The data in readable lines.
    func dump() -> String { order("dump") }

    /// Runs the script at `micros` of the store's wall clock.
    func call(_ keys: [String], _ arguments: [String], micros: Int64) throws(Failure) -> [Int64] {
        calls += 1
        lua_rawgeti(state, Self.registry, lua_Integer(run))
        lua_pushinteger(state, micros)
        push(keys)
        push(arguments)
        lua_rawgeti(state, Self.registry, lua_Integer(script))
        let entered = isTimed ? Instants.thread() : 0
        guard lua_pcallk(state, 4, 1, 0, 0, nil) == LUA_OK else {
            let text = Self.text(state, -1)
            lua_settop(state, 0)
            throw Failure(text: text)
        }
        if isTimed { spent += Instants.thread() - entered }
        let count = Int(lua_rawlen(state, -1))
        let reply = [Int64](unsafeUninitializedCapacity: count) { buffer, filled in
            for i in 0..<count {
                lua_rawgeti(state, -1, lua_Integer(i + 1))
                buffer[i] = lua_tointegerx(state, -1, nil)
                lua_settop(state, -2)
            }
            filled = count
        }
        lua_settop(state, 0)
        return reply
    }

    private func push(_ list: [String]) {
        lua_createtable(state, CInt(list.count), 0)
        for (i, text) in list.enumerated() {
            var text = text
            argumentBytes += text.utf8.count
            _ = text.withUTF8 { bytes in
                bytes.withMemoryRebound(to: CChar.self) { lua_pushlstring(state, $0.baseAddress ?? Self.nothing, $0.count) }
            }
            lua_rawseti(state, -2, lua_Integer(i + 1))
        }
    }

    @discardableResult
    private func order(_ what: String, _ slot: Int = 0) -> String {
        lua_rawgeti(state, Self.registry, lua_Integer(control))
        lua_pushstring(state, what)
        lua_pushinteger(state, lua_Integer(slot))
        let worked = lua_pcallk(state, 2, 1, 0, 0, nil) == LUA_OK
        let text = Self.text(state, -1)
        lua_settop(state, 0)
        precondition(worked, text)
        return text
    }

    private static func text(_ state: OpaquePointer, _ index: CInt) -> String {
        guard lua_type(state, index) == LUA_TSTRING, let bytes = lua_tolstring(state, index, nil) else { return "unknown error" }
        return String(cString: bytes)
    }

    /// LUA_REGISTRYINDEX, a macro that does not cross into Swift.
    private static let registry = CInt(-1_000_000 - 1000)
    private nonisolated(unsafe) static let nothing: UnsafePointer<CChar> = {
        let empty = UnsafeMutablePointer<CChar>.allocate(capacity: 1)
        empty.pointee = 0
        return UnsafePointer(empty)
    }()
}
