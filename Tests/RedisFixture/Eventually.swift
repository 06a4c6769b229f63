package import Testing

/// Waits until `condition` holds; false when it does not within `timeout`.
package func eventually(
    within timeout: Duration = .seconds(10), _ condition: () async throws -> Bool
) async rethrows -> Bool {
    let end = ContinuousClock.now + timeout
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
