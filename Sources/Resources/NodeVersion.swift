/// *Value*: the version of this program.
package enum NodeVersion {
    /// As `apus --version` prints it.
    package static let text = "0.1.0"
}
