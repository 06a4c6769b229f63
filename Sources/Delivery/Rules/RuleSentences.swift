package import Cluster

/// *Value* (a namespace): rules as `explain` tells them, with what ends them.
package enum RuleSentences {
    /// About a queue.
    package static func about(_ rules: QueueRules.Found) -> [String] {
        var sentences: [String] = []
        if let rule = rules.bounce {
            sentences.append("Whatever is in it or comes to it is bounced: \(rule.sentence). `apus bounce --cancel \(rule.id)` ends that.")
        }
        if let rule = rules.suspension { sentences.append("It is suspended: \(rule.sentence). `apus resume \(rule.id)` ends that.") }
        return sentences
    }

    /// About a path.
    package static func path(_ rule: ControlEntry) -> String { "It is suspended: \(rule.sentence). `apus resume \(rule.id)` ends that." }
}
