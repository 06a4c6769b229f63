import Glibc
import RateCheck

/// One run over the files. *Value.* Keys are few; more than `maximumKeys` is an error, since each costs a window.
struct CheckRun {
    static let maximumKeys = 4096

    let plan: CheckPlan
    private var merge: RecordMerge
    private var rates: [Int32: RateChecker] = [:]
    private var caps: [Int32: ConcurrencyChecker] = [:]
    private var promise: RatePromise
    private var isStarted = false

    init(plan: CheckPlan) {
        self.plan = plan
        promise = plan.promise
        merge = RecordMerge(plan.form, sources: plan.files, slack: plan.slack, allowsTorn: plan.allowsTorn)
    }

    /// Reads all files to their ends.
    mutating func check() throws(CheckError) {
        var descriptors: [Int32] = []
        defer { for descriptor in descriptors where descriptor > 0 { close(descriptor) } }
        for file in plan.files {
            let descriptor = file == "-" ? 0 : open(file, O_RDONLY | O_CLOEXEC)
            guard descriptor >= 0 else { throw CheckError(.option, "cannot read \(file): \(String(cString: strerror(errno)))") }
            descriptors.append(descriptor)
        }
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            switch merge.next() {
            case .end: return
            case .record(let record): try take(record)
            case .needs(let source):
                let count = buffer.withUnsafeMutableBytes { read(descriptors[source], $0.baseAddress, $0.count) }
                if count < 0 {
                    if errno == EINTR { continue }
                    throw CheckError(.record, "cannot read \(plan.files[source]): \(String(cString: strerror(errno)))")
                }
                if count == 0 { try merge.end(source: source) } else { try merge.read(buffer[..<count], source: source) }
            }
        }
    }

    private mutating func take(_ record: CheckRecord) throws(CheckError) {
        if !isStarted {
            isStarted = true
            promise.from = plan.from?.time(first: record.time)
            promise.to = plan.to?.time(first: record.time)
            promise.brokenAt = plan.after?.time(first: record.time)
        }
        if let key = plan.key, merge.names.name(record.key) != key { return }
        let key = plan.together ? 0 : record.key
        guard rates.count + caps.count < Self.maximumKeys || rates[key] != nil || caps[key] != nil else {
            throw CheckError(.bound, "more than \(Self.maximumKeys) keys; choose one with --key or check them --together")
        }
        if let cap = plan.cap {
            try caps[key, default: ConcurrencyChecker(limit: cap)].add(record)
        } else {
            try rates[key, default: RateChecker(promise)].add(record)
        }
    }

    private func name(_ key: Int32) -> String { plan.together ? "all" : merge.names.name(key) }

    /// What was found about each rate.
    var rateReports: [(key: String, report: RateReport)] {
        rates.sorted { $0.key < $1.key }.map { (name($0.key), $0.value.report(nodes: plan.nodes)) }
    }

    /// What was found about each cap.
    var capReports: [(key: String, report: ConcurrencyReport)] {
        caps.sorted { $0.key < $1.key }.map { (name($0.key), $0.value.result) }
    }

    /// Whether any limit was exceeded.
    var isExceeded: Bool { rateReports.contains { $0.report.overshoot > 0 } || capReports.contains { $0.report.overshoot > 0 } }

    /// The name of a node.
    func node(_ number: Int32) -> String { merge.names.name(number) }
}
