import RateCheck

/// What the command line asks for. *Value.*
struct CheckPlan {
    var promise: RatePromise
    var cap: Int?
    var form: RecordForm
    var key: String?
    var together: Bool
    var from: RecordMoment?
    var to: RecordMoment?
    var after: RecordMoment?
    var nodes: Int
    var slack: Int64
    var allowsTorn: Bool
    var files: [String]
}
