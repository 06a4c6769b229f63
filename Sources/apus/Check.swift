import ArgumentParser
import Node

/// `apus check`: loads and validates a policy without opening anything.
struct Check: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Load and validate a policy.",
        discussion: """
            Runs the file, `init` and `validate_config`, and asks the configuration events about a sample domain. Opens no socket and no file.

            EXAMPLES
              apus check --policy policy.lua
              apus check --policy policy.lua --domain gmail.com

            EXIT STATUS
              0 the policy is usable, 1 it is not (each problem on a line, with file and line)
            """)

    @Option(help: ArgumentHelp("The policy, a Lua file.", valueName: "file"))
    var policy: String

    @Option(help: ArgumentHelp("The domain to ask the configuration events about.", valueName: "domain"))
    var domain = "example.com"

    func run() async throws {
        let problems = PolicyCheck.run(file: policy, domain: domain)
        for problem in problems { say(problem) }
        guard problems.isEmpty else { throw ExitCode.failure }
        print("\(policy): ok")
    }
}
