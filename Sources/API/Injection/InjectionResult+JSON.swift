import Intake
import JSON

extension InjectionResult {
    /// The answer to the short form.
    var short: JSONValue {
        .object([
            "success_count": .whole(ids.count), "fail_count": .whole(failures.count), "ids": .strings(ids), "errors": .strings(errors),
        ])
    }

    /// The answer to `/api/inject/v1`.
    var v1: JSONValue {
        .object([
            "success_count": .whole(ids.count), "fail_count": .whole(failures.count),
            "failed_recipients": .strings(failures.map(\.recipient)), "errors": .strings(errors),
        ])
    }

    private var errors: [String] { failures.map { "\($0.recipient): \($0.reason)" } }
}
