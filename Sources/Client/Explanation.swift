/// *Value*: why a queue, a path or a message is not moving, in the words of each node.
package struct Explanation: Sendable, Equatable {
    /// *Value*: what one node says.
    package struct Answer: Sendable, Equatable {
        /// The member.
        package var node: String
        /// Whether the node has what was asked about.
        package var found: Bool
        /// Sentences, the most important first.
        package var sentences: [String]

        /// What a member said.
        package init(node: String, found: Bool, sentences: [String]) {
            self.node = node
            self.found = found
            self.sentences = sentences
        }
    }

    /// *Value*: a node that did not answer.
    package struct Silence: Sendable, Equatable {
        /// The node that answers.
        package var node: String
        /// Why it said nothing.
        package var reason: String

        /// A member that said nothing.
        package init(node: String, reason: String) {
            self.node = node
            self.reason = reason
        }
    }

    /// `queue example.com`, `path …` or `message …`.
    package var subject: String
    /// What the members said that know it.
    package var answers: [Answer]
    /// Members that could not be asked: what they hold is not in the answer.
    package var unanswered: [Silence]

    /// The answers about a queue, a path or a message.
    package init(subject: String, answers: [Answer], unanswered: [Silence]) {
        self.subject = subject
        self.answers = answers
        self.unanswered = unanswered
    }
}
