import Policy
import Shaping
import Testing

@Suite struct CheckTests {
    private func check(_ policy: String) -> [String] {
        let folder = PolicyFolder(["init.lua": policy])
        return PolicyEngine.check(file: folder.policy).map(\.message)
    }

    @Test func goodPolicy() {
        #expect(
            check(
                """
                kumo.start_esmtp_listener{listen = '127.0.0.1:25'}
                kumo.on('get_queue_config', function(d) return {egress_pool = 'p', queue_name = 'x'} end)
                kumo.configure_redis_throttles{node = 'redis://127.0.0.1:6379', on_store_loss = 'closed'}
                kumo.on('get_egress_pool', function(p) return {name = p, entries = {{name = 's'}}} end)
                kumo.on('get_egress_source', function(s) kumo.sleep(1) return kumo.make_egress_source{name = s} end)
                kumo.on('get_egress_path_config', function(d)
                  kumo.make_throttle('t', '1/s'):sleep_if_throttled()
                  kumo.api.admin.suspend.suspend{reason = 'r', domain = d}
                  return {max_connection_rate = '100/minute,on_store_loss=floor:1/s'}
                end)
                """
            ).isEmpty)
    }

    @Test(arguments: [
        ("x =", ["init.lua:1: unexpected symbol near <eof>"]),
        ("kumo.on('validate_config', function() error('wrong') end)", ["init.lua:1: wrong"]),
        ("\nkumo.on('get_queue_config', function() return {max_aeg = 1} end)", ["init.lua:2: get_queue_config: "]),
        ("kumo.on('get_queue_config', function() return 5 end)", ["init.lua:1: get_queue_config must return a table or nil"]),
        (
            "kumo.on('get_queue_config', function()\n return kumo.make_queue_config{x=1} end)\nkumo.on('get_egress_path_config', function(d, s) return {[d .. s] = 1} end)",
            ["init.lua:2: kumo.make_queue_config: ", "init.lua:3: get_egress_path_config: "]
        ),
        (
            "kumo.on('get_queue_config', function() return {egress_pool = 'p'} end)\nkumo.on('get_egress_pool', function(p) return {name = p, entries = {{name = 's'}}} end)\nkumo.on('get_egress_source', function(s) return {} end)",
            ["init.lua:3: get_egress_source: "]
        ),
        (
            "kumo.on('get_egress_path_config', function(d, s) return http.get('http://x/') end)",
            ["init.lua:1: http.get: a check does not use the network"]
        ),
        (
            "kumo.on('get_egress_path_config', function(d) return require('redis').open{node='redis://h'}:query('PING') end)",
            ["init.lua:1: conn:query: a check does not use the network"]
        ),
        ("kumo.configure_redis_throttles{}", ["init.lua:1: kumo.configure_redis_throttles: redis throttles: option 'node' is required"]),
    ])
    func badPolicy(_ policy: String, _ messages: [String]) {
        // Only the beginning: how Shaping words what is wrong with an option is its own business.
        let found = check(policy)
        #expect(found.count == messages.count && zip(found, messages).allSatisfy { $0.hasPrefix($1) }, "\(found)")
    }
}
