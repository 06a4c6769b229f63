import Shaping
import Testing

@testable import Options

@Suite struct QueueConfigTests {
    @Test func defaultsAreThoseOfTheReference() {
        let queue = QueueConfig.defaults
        #expect(queue.retryInterval == .seconds(1200) && queue.maxRetryInterval == nil && queue.maxAge == .seconds(7 * 86_400))
        #expect(queue.egressPool == nil && queue.maxMessageRate == nil && queue.`protocol`.smtp.mxList.isEmpty)
        #expect(queue.reapInterval == .seconds(600) && queue.refreshInterval == .seconds(60))
        #expect(queue.providerName == nil && queue.queueName == nil)
    }

    @Test(
        arguments: [
            ("mx.example.com", MXListEntry(name: "mx.example.com")),
            ("mx.example.com:2525", MXListEntry(name: "mx.example.com", port: 2525)),
            ("1.2.3.4", MXListEntry(name: "1.2.3.4", address: "1.2.3.4")),
            ("1.2.3.4:25", MXListEntry(name: "1.2.3.4", address: "1.2.3.4", port: 25)),
            ("[::1]:25", MXListEntry(name: "::1", address: "::1", port: 25)),
            ("[1.2.3.4]", MXListEntry(name: "1.2.3.4", address: "1.2.3.4")),
            ("2001:db8::1", MXListEntry(name: "2001:db8::1", address: "2001:db8::1")),
            (["name": "mx", "addr": "1.2.3.4:26"] as ConfigValue, MXListEntry(name: "mx", address: "1.2.3.4", port: 26)),
            (["name": "mx", "addr": "::1"] as ConfigValue, MXListEntry(name: "mx", address: "::1")),
        ] as [(ConfigValue, MXListEntry)])
    func hosts(value: ConfigValue, entry: MXListEntry) throws {
        let queue = try QueueConfig(["protocol": ["smtp": ["mx_list": [value]]]])
        #expect(queue.`protocol`.smtp.mxList == [entry])
    }

    @Test(
        arguments: [
            "", "mx:0", "mx:65536", "mx:", ":25", "m x", "1.2.3", "[mx]:25", "::1:99999", "mx\r\n", "-mx", 25, true, [], ["name": "mx"],
            ["addr": "1.2.3.4"],
            ["name": "mx:25", "addr": "1.2.3.4"], ["name": "mx", "addr": "mx"], ["name": "mx", "addr": "1.2.3.4:0"],
            ["name": "mx", "addr": "1.2.3.4", "port": 25],
        ] as [ConfigValue])
    func notHosts(value: ConfigValue) {
        let error = #expect(throws: ConfigError.self) { try QueueConfig(["protocol": ["smtp": ["mx_list": [value]]]]) }
        #expect(error?.message.contains("queue protocol smtp: ") == true)
    }

    @Test(arguments: [[:], ["smtp": [:]], ["smtp": ["mx_list": []]], ["smtp": ["treat_mx_list_as_secure": false]]] as [ConfigValue])
    func plainSMTP(value: ConfigValue) throws {
        #expect(try QueueConfig(["protocol": value]) == QueueConfig.defaults)
    }

    @Test(
        arguments: [
            (["maildir_path": "/x"], "option 'maildir_path' is not supported yet by this version"),
            (["maildir_path": "/x", "dir_mode": 448], "is not supported yet by this version"),
            (["custom_lua": ["constructor": "x"]], "option 'custom_lua' is not supported yet by this version"),
            (["smtp": ["treat_mx_list_as_secure": true]], "option 'treat_mx_list_as_secure' is not supported yet by this version"),
            (["smpt": [:]], "did you mean 'smtp'?"),
            (["smtp": ["mxlist": []]], "did you mean 'mx_list'?"),
            ("smtp", "option 'protocol' must be a table"),
        ] as [(ConfigValue, String)])
    func otherProtocols(value: ConfigValue, text: String) {
        let error = #expect(throws: ConfigError.self) { try QueueConfig(["protocol": value]) }
        #expect(error?.message.contains(text) == true, "\(error?.message ?? "")")
    }

    @Test func scheduleComesFromTheIntervals() throws {
        let queue = try QueueConfig(["retry_interval": "1m", "max_retry_interval": "20m"])
        #expect(queue.retrySchedule == RetrySchedule(interval: .seconds(60), cap: .seconds(1200)))
    }
}
