/// What is wrong with a piece of configuration, in one sentence an operator can act on. *Value.*
///
/// The message names the option and says what is accepted. It never repeats the value of an option that may hold a secret.
package struct ConfigError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The sentence.
    package let message: String
    /// The option at fault by its Lua name, where one is at fault.
    package let option: String?

    /// An error with its sentence.
    package init(message: String, option: String? = nil) {
        self.message = message
        self.option = option
    }

    /// The sentence.
    package var description: String { message }
}
