import CLuaShim
import JSON
import Options
import Shaping

extension PolicyEngine {
    /// Refuses to suspend where Lua or the node can not wait; else answers the token for `resume`.
    func prepareAwait(_ name: String, _ arguments: NativeArguments) throws(NativeFailure) -> UInt64 {
        guard phase == .serving else { throw .error("\(name) can not wait while the policy loads") }
        guard arguments.call.yieldable else {
            throw .error(
                "\(name) can not wait here: call it outside of what a library function calls back (load, require, __tostring, __lt in table.sort)"
            )
        }
        guard suspended.count < limits.suspendedCalls else {
            throw .error("\(name): too many handlers wait (limit \(limits.suspendedCalls))")
        }
        nextToken += 1
        awaitToken = nextToken
        return nextToken
    }

    /// `kumo.sleep(seconds)`.
    func sleep(_ arguments: inout NativeArguments) throws(NativeFailure) -> Int32 {
        let value = try arguments.value("kumo.sleep")
        let duration: Duration
        do throws(ConfigError) { duration = try DurationText.parse(value, option: "seconds") } catch {
            throw .error("kumo.sleep: \(error.message)")
        }
        guard duration >= .zero, duration <= .seconds(86_400) else { throw .error("kumo.sleep: from 0 seconds to one day") }
        let token = try prepareAwait("kumo.sleep", arguments)
        host?.schedule(after: duration) { [weak self] in self?.resume(token, .success { $0.null() }) }
        return APUS_NATIVE_YIELD
    }

    /// `http.get(url, options)` and `http.post(url, body, options)`.
    func request(_ method: String, _ name: String, _ arguments: inout NativeArguments) throws(NativeFailure) -> Int32 {
        let url = try arguments.string(name, "the URL")
        let scheme = url.prefix(8).lowercased()
        guard scheme.hasPrefix("http://") || scheme.hasPrefix("https://"), Self.isClean(url), !url.utf8.contains(32) else {
            throw .error("\(name): the URL must start with http:// or https:// and have no spaces")
        }
        var request = PolicyHTTPRequest(method: method, url: url, headers: [], body: [], timeout: limits.httpTimeout)
        if method == "POST" { try setBody(try arguments.value(name), &request, name) }
        try setOptions(try arguments.value(name), &request, name)
        let token = try prepareAwait(name, arguments)
        host?.http(request) { [weak self] in self?.answered(token, name, $0) }
        // The host enforces the timeout; this is the net below it, so that no handler waits for ever.
        host?.schedule(after: request.timeout + .seconds(5)) { [weak self] in
            self?.resume(token, .failure(.failed(message: "\(name): no answer")))
        }
        return APUS_NATIVE_YIELD
    }

    private func answered(_ token: UInt64, _ name: String, _ result: Result<PolicyHTTPResponse, PolicyError>) {
        switch result {
        case .failure(let error): resume(token, .failure(.failed(message: "\(name): \(error.description)")))
        case .success(let response):
            guard response.body.count <= limits.httpResponseBytes else {
                return resume(token, .failure(.failed(message: "\(name): the response is larger than \(limits.httpResponseBytes) bytes")))
            }
            resume(
                token,
                .success { writer in
                    writer.table(count: 3)
                    writer.key("status")
                    writer.integer(Int64(response.status))
                    writer.key("body")
                    writer.bytes(response.body)
                    writer.key("headers")
                    writer.table(count: response.headers.count)
                    for (name, value) in response.headers {
                        writer.key(name.lowercased())
                        writer.string(value)
                    }
                })
        }
    }

    private func setBody(_ body: ConfigValue, _ request: inout PolicyHTTPRequest, _ name: String) throws(NativeFailure) {
        switch body {
        case .null: break
        case .string(let text):
            request.body = Array(text.utf8)
            request.headers.append(("content-type", "text/plain; charset=utf-8"))
        case .table, .list:
            do throws(JSONFault) { request.body = try body.json() } catch { throw .error("\(name): \(error.message)") }
            request.headers.append(("content-type", "application/json"))
        case .bool, .integer, .number: throw .error("\(name): the body must be a table or a string")
        }
    }

    private func setOptions(_ options: ConfigValue, _ request: inout PolicyHTTPRequest, _ name: String) throws(NativeFailure) {
        guard options != .null else { return }
        guard case .table(let table) = options else { throw .error("\(name): the options must be a table") }
        for (option, value) in table {
            switch (option, value) {
            case ("timeout", _):
                do throws(ConfigError) { request.timeout = try DurationText.parse(value, option: "timeout") } catch {
                    throw .error("\(name): \(error.message)")
                }
                guard request.timeout > .zero, request.timeout <= .seconds(3600) else {
                    throw .error("\(name): timeout: more than 0 and at most one hour")
                }
            case ("headers", .table(let headers)):
                for (header, value) in headers.sorted(by: { $0.key < $1.key }) {
                    guard case .string(let text) = value, Self.isToken(header), Self.isClean(text) else {
                        throw .error("\(name): the header '\(header.prefix(64))' must be a name and a string without line breaks")
                    }
                    request.headers.removeAll { $0.name == header.lowercased() }
                    request.headers.append((header.lowercased(), text))
                }
            case ("headers", _): throw .error("\(name): headers must be a table of strings")
            default: throw .error("\(name): unknown option '\(option)'" + NearestName.hint(option, in: ["timeout", "headers"]))
            }
        }
    }

    static func isClean(_ text: String) -> Bool { text.utf8.allSatisfy { $0 >= 32 && $0 != 127 } }

    private static func isToken(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { $0 > 32 && $0 < 127 && !"\"(),/:;<=>?@[\\]{}".utf8.contains($0) }
    }
}
