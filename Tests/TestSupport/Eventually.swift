package import Testing

/// How much longer than on a quiet machine a wait may take on one whose cores are busy with something else. A wait that holds ends at once.
private let patience = 6

/// Waits until `condition` holds; false when it does not within `timeout` (of a quiet machine).
package func eventually(
    within timeout: Duration = .seconds(10), _ condition: () async throws -> Bool
) async rethrows -> Bool {
    let end = ContinuousClock.now + timeout * patience
    while ContinuousClock.now < end {
        if try await condition() { return true }
        try? await Task.sleep(for: .milliseconds(10))
    }
    return try await condition()
}

/// Waits until `condition` holds, and records a failure when it does not.
package func expectEventually(
    _ what: String, within timeout: Duration = .seconds(10), sourceLocation: SourceLocation = #_sourceLocation,
    _ condition: () async throws -> Bool
) async throws {
    let holds = try await eventually(within: timeout, condition)
    #expect(holds, "\(what)", sourceLocation: sourceLocation)
}
