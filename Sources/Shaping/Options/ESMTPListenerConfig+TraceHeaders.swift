extension ESMTPListenerConfig {
    /// Which trace header fields are added to received messages. *Value.*
    package struct TraceHeaders: Sendable, Hashable {
        /// Whether `Received` is added.
        package let receivedHeader: Bool
        /// Whether the field that makes reports attributable is added.
        package let supplementalHeader: Bool
        /// The name of that field.
        package let headerName: String
        /// Metadata that goes into that field.
        package let includeMetaNames: [String]

        /// The fields of a listener that says nothing about them.
        package static let defaults: TraceHeaders = {
            do throws(ConfigError) { return try TraceHeaders([:]) } catch { preconditionFailure(error.message) }
        }()

        /// Reads and checks the table.
        package init(_ table: [String: ConfigValue]) throws(ConfigError) {
            let read = try OptionReader(table, Self.options)
            receivedHeader = try read.bool("received_header", true)
            supplementalHeader = try read.bool("supplemental_header", true)
            headerName =
                try read.optionalText(
                    "header_name", "the name of a header field: 1 to 76 printable ASCII characters without ':' and space",
                    where: TextCheck.isHeaderName) ?? "X-KumoRef"
            includeMetaNames = try read.names("include_meta_names")
        }

        /// Every name of the table.
        static let options = OptionSchema(
            owner: "esmtp listener trace_headers",
            rules: [
                "received_header": .field,
                "supplemental_header": .field,
                "header_name": .field,
                "include_meta_names": .field,
            ])
    }
}
