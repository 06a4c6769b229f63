package import Options

extension ESMTPListenerConfig {
    /// Which trace header fields are added to received messages. *Value.*
    package struct TraceHeaders: OptionTable, Hashable {
        /// Whether `Received` is added.
        package var receivedHeader = true
        /// Whether the field that makes reports attributable is added.
        package var supplementalHeader = true
        /// The name of that field.
        package var headerName = "X-KumoRef"
        /// Metadata that goes into that field.
        package var includeMetaNames: [String] = []

        /// The fields of a listener that says nothing about them.
        package init() {}

        /// Every name of the table.
        package static let options = OptionList<TraceHeaders>("esmtp listener trace_headers") {
            OptionRow("received_header", \.receivedHeader, .bool, "add `Received`")
            OptionRow("supplemental_header", \.supplementalHeader, .bool, "add the field below, which makes reports attributable")
            OptionRow(
                "header_name", \.headerName,
                .text(
                    "the name of a header field: 1 to 76 printable ASCII characters without ':' and space",
                    values: "name of a header field",
                    where: TextCheck.isHeaderName), "the name of that field")
            OptionRow("include_meta_names", \.includeMetaNames, .names(), "meta values that go into it; a trailing `*` matches a prefix")
        }
    }
}
