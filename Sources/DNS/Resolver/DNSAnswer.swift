package import Platform

/// What the DNS says about a name and type. *Value.*
package struct DNSAnswer: Sendable, Hashable {
    /// Whether there is data, and if not, whether the name exists.
    package enum Status: Sendable, Hashable {
        case records
        /// The name exists, without records of this type.
        case noData
        /// NXDOMAIN.
        case noSuchName
    }

    /// The name that was asked for.
    package var name: String
    /// The type that was asked for.
    package var type: RecordType
    /// What the servers say of the name.
    package var status: Status
    /// Records in the order they came; malformed ones are left out and counted.
    package var records: [DNSRecord]
    /// Records of that type that could not be read.
    package var malformed: Int
    /// The name at the end of the CNAMEs.
    package var canonicalName: String
    /// Seconds the answer may be kept. Without records: the lesser of the SOA's minimum and its own time to live, 0 without an SOA.
    package var timeToLive: Int
    /// Validated by DNSSEC, end to end. An answer proved false is an error, `DNSError.Code.bogus`.
    package var isSecure: Bool

    /// An answer as the resolver gives it.
    package init(
        name: String, type: RecordType, status: Status, records: [DNSRecord] = [], malformed: Int = 0,
        canonicalName: String? = nil, timeToLive: Int = 0, isSecure: Bool = false
    ) {
        self.name = name
        self.type = type
        self.status = status
        self.records = records
        self.malformed = malformed
        self.canonicalName = canonicalName ?? name
        self.timeToLive = timeToLive
        self.isSecure = isSecure
    }

    /// The addresses among the records.
    package var addresses: [HostAddress] {
        records.compactMap { if case .address(let address) = $0 { address } else { nil } }
    }

    /// The TXT records as text; what is not UTF-8 becomes U+FFFD.
    package var texts: [String] {
        records.compactMap { if case .txt(let bytes) = $0 { String(decoding: bytes, as: UTF8.self) } else { nil } }
    }

    /// The names among the records.
    package var names: [String] {
        records.compactMap { if case .name(let name) = $0 { name } else { nil } }
    }
}
