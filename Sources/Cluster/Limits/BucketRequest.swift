/// One call of `BucketScript` by one node. *Value.*
package struct BucketRequest: Sendable, Equatable {
    /// Rises with every request of this process to this bucket.
    package let sequence: Int64
    package let keys: [String]
    package let arguments: [String]
}
