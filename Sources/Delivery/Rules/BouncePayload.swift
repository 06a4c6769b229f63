/// *Value* (a namespace): what a bounce rule says beside its scope.
package enum BouncePayload {
    private static let silent = #"{"suppress_logging":true}"#

    /// The payload of a rule.
    package static func text(suppressLogging: Bool) -> String { suppressLogging ? silent : "" }
    /// Whether the bounces are not logged.
    static func suppressesLogging(_ payload: String) -> Bool { payload == silent }
}
