import ClusterModel
import Glibc

// A hash table's order is part of a request; with a random seed of its own each process would run other histories.
if getenv("SWIFT_DETERMINISTIC_HASHING") == nil {
    setenv("SWIFT_DETERMINISTIC_HASHING", "1", 1)
    var arguments = CommandLine.arguments.map { strdup($0) } + [nil]
    execv("/proc/self/exe", &arguments)
}
var arguments = Arguments(Array(CommandLine.arguments.dropFirst()))
exit(Command.run(&arguments))
