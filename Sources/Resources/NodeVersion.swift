/// *Value*: the version of this program.
package enum NodeVersion {
    package static let text = "0.1.0"
}
