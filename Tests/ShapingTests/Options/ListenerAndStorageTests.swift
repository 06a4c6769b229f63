import Platform
import Shaping
import Testing

@testable import Options

@Suite struct ListenerAndStorageTests {
    @Test func esmtpDefaults() throws {
        let listener = try ESMTPListenerConfig(["listen": "0.0.0.0:25"])
        #expect(listener.listen == ListenAddress(host: "0.0.0.0", port: 25) && listener.hostname == nil && listener.banner == "Apus")
        #expect(listener.relayHosts.texts == ["127.0.0.1", "::1"])
        #expect(listener.traceHeaders == .defaults)
        #expect(listener.traceHeaders.receivedHeader && listener.traceHeaders.supplementalHeader)
        #expect(listener.traceHeaders.headerName == "X-KumoRef" && listener.traceHeaders.includeMetaNames.isEmpty)
        #expect(listener.clientTimeout == .seconds(60) && listener.dataProcessingTimeout == .seconds(300))
        #expect(listener.maxMessageSize == 20_971_520 && listener.maxMessagesPerConnection == 10_000)
        #expect(listener.maxRecipientsPerMessage == 1024 && listener.maxConnections == 32_768 && listener.dataBufferSize == 131_072)
        #expect(listener.invalidLineEndings == .deny && listener.lineLengthHardLimit == 998 && listener.maxReceivedHeaders == 100)
        #expect(listener.batchHandling == .bifurcateAlways && !listener.deferredSpool && listener.meta.isEmpty)
    }

    @Test(
        arguments: [
            ("banner", "a\r\n250 x"), ("banner", "ä"), ("hostname", "a b"), ("hostname", ""), ("relay_hosts", ["everyone"]),
            ("relay_hosts", "10.0.0.0/40"),
            ("trace_headers", ["recieved_header": true]), ("trace_headers", ["header_name": "X-A: b\r\n"]),
            ("trace_headers", ["header_name": ""]),
            ("invalid_line_endings", "deny"), ("max_message_size", 0), ("max_message_size", "lots"), ("line_length_hard_limit", 1),
            ("meta", "x"), ("meta", ["tenant": true]), ("meta", ["queue": ["a"]]), ("meta", ["campaign": 1.5]), ("max_received_headers", 0),
            ("client_timeout", "0s"), ("peer", "x"), ("listen", 25), ("listen", "25"),
        ] as [(String, ConfigValue)])
    func esmtpRefusals(option: String, value: ConfigValue) {
        let table: [String: ConfigValue] = ["listen": "0.0.0.0:25"]
        let error = #expect(throws: ConfigError.self) { try ESMTPListenerConfig(table.merging([option: value]) { $1 }) }
        #expect(error?.message.hasPrefix("esmtp listener") == true)
    }

    @Test func oneNetworkMayStandAlone() throws {
        #expect(try ESMTPListenerConfig(["listen": "0.0.0.0:25", "relay_hosts": "10.0.0.0/8"]).relayHosts.texts == ["10.0.0.0/8"])
    }

    @Test func httpDefaults() throws {
        let listener = try HTTPListenerConfig(["listen": "127.0.0.1:8000"])
        #expect(listener.listen.text == "127.0.0.1:8000" && listener.hostname == nil)
        #expect(listener.trustedHosts.texts == ["127.0.0.1", "::1"] && listener.requestBodyLimit == 2_097_152)
        #expect(listener.content == .defaults && listener.content.invalidLineEndings == .fix && listener.content.lineLengthHardLimit == 998)
        #expect(listener.content.maxReceivedHeaders == 100 && listener.content.bcc == .remove)
    }

    @Test func spoolDefaultsAndNotes() throws {
        let plain = try SpoolConfig(["name": "data", "path": "/s"])
        #expect(plain.kind == .localDisk && plain.flush == nil && plain.notes.isEmpty)
        #expect(plain.minFreeSpace == .percent(10) && plain.minFreeInodes == .percent(10))
        let rocks = try SpoolConfig([
            "name": "meta", "path": "/s", "kind": "RocksDB", "flush": false, "rocks_params": ["write_buffer_size": 1],
        ])
        #expect(rocks.kind == .rocksDB && rocks.flush == false)
        #expect(rocks.notes.count == 2 && rocks.notes.allSatisfy { $0.contains("its own log") })
    }

    @Test(
        arguments: [
            ("name", "queue", "must be 'data' or 'meta'"), ("kind", "RocksDb", "did you mean 'RocksDB'?"), ("path", "", "must be a path"),
            ("path", "/a\u{0}b", "must be a path"), ("min_free_space", "101%", "must be whole percent"),
            ("rocks_params", ["write_bufer_size": 1], "did you mean 'write_buffer_size'?"), ("rocks_params", 1, "must be a table"),
        ] as [(String, ConfigValue, String)])
    func spoolRefusals(option: String, value: ConfigValue, text: String) {
        let table: [String: ConfigValue] = ["name": "data", "path": "/s"]
        let error = #expect(throws: ConfigError.self) { try SpoolConfig(table.merging([option: value]) { $1 }) }
        #expect(error?.message.contains(text) == true, "\(error?.message ?? "")")
    }

    @Test func logDefaultsAndRecords() throws {
        let plain = try LocalLogsConfig(["log_dir": "/l"])
        #expect(plain.maxFileSize == 1_000_000_000 && plain.maxSegmentDuration == nil && plain.compressionLevel == 0)
        #expect(plain.backPressure == 128_000 && plain.meta.isEmpty && plain.headers.isEmpty && plain.perRecord.isEmpty)
        #expect(plain.minFreeSpace == .percent(10) && plain.minFreeInodes == .percent(10))
        let logs = try LocalLogsConfig([
            "log_dir": "/l", "per_record": ["Any": ["enable": false], "Delivery": ["suffix": "_d", "log_dir": "/d"]],
        ])
        #expect(logs.perRecord["Any"]?.enable == false && logs.perRecord["Any"]?.suffix == nil)
        #expect(logs.perRecord["Delivery"]?.enable == true)
        #expect(logs.perRecord["Delivery"]?.suffix == "_d" && logs.perRecord["Delivery"]?.logDir == "/d")
    }

    @Test(
        arguments: [
            (["Delivry": [:]], "did you mean 'Delivery'?"), (["Delivery": 1], "option 'per_record.Delivery' must be a table"),
            (["Delivery": ["suffix": "../x"]], "option 'suffix' must be"),
            (["Delivery": ["template": "x"]], "'template' is not supported yet by this version"),
            (["Delivery": ["segment_header": "x"]], "'segment_header' is not supported yet by this version"),
            (["Delivery": ["sufix": "x"]], "did you mean 'suffix'?"), ([1], "option 'per_record' must be a table"),
        ] as [(ConfigValue, String)])
    func recordRefusals(value: ConfigValue, text: String) {
        let error = #expect(throws: ConfigError.self) { try LocalLogsConfig(["log_dir": "/l", "per_record": value]) }
        #expect(error?.message.contains(text) == true, "\(error?.message ?? "")")
    }
}
