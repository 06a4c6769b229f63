import Delivery
import Options
import Shaping
import Telemetry

/// *Value*: from `configure_local_logs` to running logs; without it, JSON lines on standard output.
struct LogSetup {
    let configs: [LocalLogsConfig]

    init(_ configs: [LocalLogsConfig]) { self.configs = configs }

    func open(registry: MetricRegistry, nodeID: String) throws -> DeliveryLogs {
        if configs.isEmpty {
            let writer = try LogWriter(destination: .standardOutput, backPressure: 128_000, metrics: registry)
            return DeliveryLogs(writers: [writer], nodeID: nodeID)
        }
        let writers = try configs.enumerated().map { index, config in
            try LogWriter(
                destination: .directory(config.directoryOptions),
                selection: LogSelection(meta: config.meta, headers: config.headers), backPressure: config.backPressure,
                name: index == 0 ? "local" : "local-\(index + 1)", metrics: registry)
        }
        return DeliveryLogs(writers: writers, nodeID: nodeID, wantsHeaders: configs.contains { !$0.headers.isEmpty })
    }
}

extension LocalLogsConfig {
    fileprivate var directoryOptions: LogDirectoryOptions {
        var options = LogDirectoryOptions(directory: logDir)
        options.maxFileSize = maxFileSize
        options.maxSegmentDuration = maxSegmentDuration
        options.compressionLevel = compressionLevel
        options.minFreeSpace = minFreeSpace.logFloor
        options.minFreeInodes = minFreeInodes.logFloor
        for (name, rule) in perRecord {
            let made = LogFileRule(suffix: rule.suffix, directory: rule.logDir, enable: rule.enable)
            if name == "Any" {
                options.anyRecord = made
            } else if let type = LogRecordType(rawValue: name) {
                options.perRecord[type] = made
            }
        }
        return options
    }
}

extension FreeSpace {
    fileprivate var logFloor: FreeSpaceFloor {
        switch self {
        case .percent(let share): .percent(Double(share))
        case .bytes(let amount): .absolute(UInt64(amount))
        }
    }
}
