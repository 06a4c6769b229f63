import NIOCore

extension RedisClient {
    /// Looks at the servers, over connections of its own, so also before `start`: version, role, eviction policy, password, permissions.
    ///
    /// `probes` are the commands whose permission is asked for, see `RedisReport.probes`; they are not executed.
    package func check(
        probes: [RedisCommand] = RedisReport.probes(key: "apus:1:{check}", channel: "apus:1:{check}")
    ) async -> RedisReport {
        var report = RedisReport()
        let interview = Interview(setup, timeout: setup.connectTimeout)
        for endpoint in await masters(&report, interview) {
            var examination = ServerExamination(
                endpoint: endpoint, credentials: setup.configuration.credentials, isCluster: setup.configuration.isCluster)
            switch await interview.answer(of: endpoint, ServerExamination.questions.map { $0.map { Array($0.utf8) } }) {
            case .unreachable(let failure, let text):
                examination.unreachable(failure, text)
                report.isUnreachable = true
            case .replies(let replies): examination.answered(replies)
            }
            if examination.mayQueue {
                let queue = [[Array("MULTI".utf8)]] + probes.map(\.parts) + [[Array("DISCARD".utf8)]]
                if case .replies(let replies) = await interview.answer(of: endpoint, queue) { examination.probed(replies) }
            }
            report.servers.append(examination.server)
            report.problems += examination.problems
            report.warnings += examination.warnings
        }
        return report
    }

    private func masters(_ report: inout RedisReport, _ interview: Interview) async -> [RedisEndpoint] {
        switch setup.configuration.kind {
        case .single(let endpoint): return [endpoint]
        case .sentinel(let master, let sentinels): return await named(master, sentinels, &report)
        case .cluster(let seeds): return await members(seeds, &report, interview)
        }
    }

    private func named(_ name: String, _ sentinels: [RedisEndpoint], _ report: inout RedisReport) async -> [RedisEndpoint] {
        var found: RedisEndpoint?
        for sentinel in sentinels {
            var discovery = SentinelDiscovery(sentinels: [sentinel], master: name)
            _ = discovery.begin()
            let resolver = Interview(setup.withoutCredentials, timeout: setup.connectTimeout)
            var answer = await resolver.answer(of: sentinel, [discovery.question])
            if case .replies(let replies) = answer, case .error(let text)? = replies.last, text.hasPrefix("NOAUTH") {
                answer = await Interview(setup, timeout: setup.connectTimeout).answer(of: sentinel, [discovery.question])
            }
            switch answer {
            case .unreachable(_, let text): report.warnings.append("Sentinel \(ServerAnswer.bounded(text)); the others must do")
            case .replies(let replies):
                if case .master(let endpoint) = discovery.answered(replies.last ?? .null) {
                    found = found ?? endpoint
                } else if case .error(let text)? = replies.last {
                    report.warnings.append("Sentinel at \(sentinel): \(ServerAnswer.explained(text, setup.configuration.credentials))")
                } else {
                    report.warnings.append("Sentinel at \(sentinel) knows no master of that name; correct the name behind the hosts")
                }
            }
        }
        guard let found else {
            report.problems.append("no Sentinel names a master; check the Sentinels' addresses and the master's name in the URL")
            return []
        }
        return [found]
    }

    private func members(_ seeds: [RedisEndpoint], _ report: inout RedisReport, _ interview: Interview) async -> [RedisEndpoint] {
        for seed in seeds {
            switch await interview.answer(of: seed, [["CLUSTER", "SLOTS"].map { Array($0.utf8) }]) {
            case .unreachable(_, let text): report.warnings.append("Redis \(ServerAnswer.bounded(text)); the other servers must do")
            case .replies(let replies):
                if let topology = replies.last.flatMap({ ClusterTopology($0, from: seed) }) {
                    if topology.covered < KeySlot.count {
                        report.problems.append("the Redis Cluster serves only \(topology.covered) of \(KeySlot.count) slots; repair it")
                    }
                    return topology.servers
                }
                if case .error(let text)? = replies.first {
                    let remedy =
                        text.contains("cluster support disabled")
                        ? "is not a member of a Redis Cluster; use redis://"
                        : ServerAnswer.explained(text, setup.configuration.credentials)
                    report.problems.append("Redis at \(seed): \(remedy)")
                }
            }
        }
        if report.problems.isEmpty {
            report.problems.append("no server tells the topology of the Redis Cluster; check the addresses in the URL")
        }
        return []
    }
}

extension Interview {
    /// The answer, awaited.
    func answer(of endpoint: RedisEndpoint, _ questions: [[[UInt8]]]) async -> Answer {
        do {
            return try await ask(endpoint, bytes: questions).get()
        } catch {
            // Only when the loop has been shut down.
            return .unreachable(.closed, "the event loop has ended")
        }
    }
}

extension ConnectionSetup {
    /// The same, without logging in: Sentinels mostly have no password of their own.
    var withoutCredentials: ConnectionSetup {
        ConnectionSetup(configuration: configuration.withoutCredentials, name: name, eventLoop: eventLoop, counters: counters)
    }
}
