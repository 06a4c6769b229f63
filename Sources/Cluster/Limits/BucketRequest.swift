/// One call of `BucketScript` by one node. *Value.*
package struct BucketRequest: Sendable, Equatable {
    /// Rises with every request of this process to this bucket.
    package let sequence: Int64
    /// The keys of the script.
    package let keys: [String]
    /// Its arguments.
    package let arguments: [String]
}
