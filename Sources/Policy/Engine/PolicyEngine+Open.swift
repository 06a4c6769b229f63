import CLuaShim

/// *value*: why a native function did not answer.
enum NativeFailure: Error {
    /// A Lua error; C puts `file:line` of the caller in front.
    case error(String)
    case reject(Rejection)
}

extension PolicyEngine {
    /// The version in `kumo.version`.
    package static let version = "apus-0.1.0"

    /// Makes the state and everything the policy can see in it.
    func open(directory: String) throws(PolicyError) {
        let bounds = apus_limits(
            memory: max(limits.memory, 1 << 20), string_bytes: max(limits.stringBytes, 1024), value_bytes: max(limits.valueBytes, 1024),
            value_nodes: max(limits.valueNodes, 16),
            value_depth: Int32(clamping: max(1, limits.valueDepth)), threads: Int32(clamping: max(1, limits.suspendedCalls) + 1))
        // Unretained: the state dies with the engine, and C calls back only while the engine is calling it.
        let context = Unmanaged.passUnretained(self).toOpaque()
        state = apus_open(
            bounds, directory,
            { context, function, call, reply in
                guard let context, let call, let reply else { return APUS_NATIVE_ERROR }
                return Unmanaged<PolicyEngine>.fromOpaque(context).takeUnretainedValue().native(function, call.pointee, reply)
            }, context)
        guard state != nil else { throw .outOfMemory }
        for function in NativeFunction.allCases {
            for path in function.paths { try setup { apus_register($0, path, function.rawValue, function.flags) } }
        }
        try setup { apus_set_string($0, "kumo.version", Self.version) }
        for function in NativeFunction.allCases {
            guard let table = function.sealedTable else { continue }
            try setup { apus_seal($0, table, function.rawValue) }
        }
        for module in ["kumo", "http"] { try setup { apus_provide($0, module) } }
    }

    private func setup(_ step: (OpaquePointer) -> Int32) throws(PolicyError) {
        guard let state else { throw .outOfMemory }
        let outcome = step(state)
        guard outcome == APUS_DONE else { throw error(outcome, state) }
    }

    /// Compiles and runs the policy file.
    func load(file: String, name: String) throws(PolicyError) {
        guard let state else { throw .outOfMemory }
        var reference: Int32 = 0
        var outcome = apus_load(state, file, name, &reference)
        guard outcome == APUS_DONE else { throw error(outcome, state) }
        apus_buffer_reset(apus_input(state))
        var slot: Int32 = -1
        isRunning = true
        outcome = apus_start(state, reference, 0, times.entry(phase, spent: 0), &slot)
        isRunning = false
        guard outcome == APUS_DONE else { throw error(outcome, state) }
        drain()
    }
}
