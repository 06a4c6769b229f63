import Delivery
import Intake
import Resources
import Shaping
import Telemetry

extension Node {
    /// Shows what is left of memory and descriptors, and says at the start what the configuration asks for in vain.
    func publishBudgets() {
        let services = services
        let resident = services.resident
        services.registry.collect("memory_budget_bytes", "Bytes held for others, by use.", labels: ["use"], kind: .gauge) {
            ResidentBudget.Use.allCases.map { ([$0.rawValue], Double(resident.bytes($0))) }
        }
        services.registry.collect(
            "memory_budget_limit_bytes", "The budget of memory_budget_bytes; half above it, new mail is refused.", kind: .gauge
        ) {
            [([], Double(resident.limit))]
        }
        let budget = services.descriptors
        services.registry.collect(
            "descriptor_budget", "How the limit of open files is shared out.", labels: ["use"], kind: .gauge
        ) {
            [
                (["smtp"], Double(budget.smtp)), (["http"], Double(budget.http)), (["egress"], Double(budget.egress)),
                (["reserve"], Double(budget.reserve)),
            ]
        }
        services.registry.collect("descriptor_limit", "The limit of open files (RLIMIT_NOFILE).", kind: .gauge) {
            [([], Double(budget.limit))]
        }
        services.registry.collect("descriptors_open", "File descriptors of the process that are open.", kind: .gauge) {
            DescriptorBudget.open.map { [([], Double($0))] } ?? []
        }
        warn("esmtp_listener", wanted: listeners.map(\.gate.config.maxConnections).max() ?? 0, allowed: budget.smtp)
        warn("http_listener", wanted: httpConfig?.maxConnections ?? 0, allowed: budget.http)
    }

    private func warn(_ listener: String, wanted: Int, allowed: Int) {
        guard wanted > allowed else { return }
        Log.warn(
            "max_connections is more than the limit of open files allows and was lowered; raise the limit (LimitNOFILE, ulimit -n) or lower max_connections",
            ["listener": listener, "max_connections": wanted, "in_force": allowed, "open_files": services.descriptors.limit])
    }
}
