import Message
import Options
import Policy
import Shaping
import Testing

@Suite struct ShortFormTests {
    /// The whole of what a newcomer's policy may say, without `require`, `init` or `make_*`.
    @Test func completePolicy() throws {
        let host = TestHost()
        let engine = try load(
            """
            kumo.start_esmtp_listener{listen = '127.0.0.1:2525'}
            kumo.start_http_listener{listen = '127.0.0.1:8000'}
            kumo.on('smtp_server_ehlo', function(domain) return {max_connection_rate = '10/s', max_deliveries_per_connection = 5} end)
            kumo.on('smtp_server_rcpt_to', function(rcpt) if rcpt.domain == 'blocked.example' then kumo.reject(550, 'no mail for ' .. rcpt) end end)
            kumo.on('get_egress_path_config', function(domain)
              return {max_connection_rate = '100/minute', max_deliveries_per_connection = 100, max_message_rate = '1000/minute'}
            end)
            kumo.on('get_queue_config', function(domain, tenant) return {queue_name = tenant .. '-group'} end)
            kumo.on('smtp_server_message_received', function(msg) msg:set_meta('tenant', msg:sender().domain) end)
            kumo.on('delivery_complete', function(msg, result)
              kumo.log(msg:recipient() .. ' ' .. result.status)
              http.post('http://127.0.0.1/hook', {to = msg:recipient(), code = result.code})
            end)
            """, host: host)
        #expect(engine.declarations.listeners.count == 1 && engine.declarations.httpListeners.count == 1)
        #expect(
            engine.now(.smtpServerEhlo, [.string("c.example"), .connection(TestConnection())])
                == .success(.table(["max_connection_rate": .string("10/s"), "max_deliveries_per_connection": .integer(5)])))
        let blocked = EnvelopeAddress(localPart: "x", domain: "blocked.example")
        #expect(
            engine.now(.smtpServerRcptTo, [.address(blocked), .connection(TestConnection())])
                == .failure(.rejected(code: 550, text: "no mail for x@blocked.example")))
        guard case .success(.table(let path))? = engine.now(.getEgressPathConfig, [.string("example.com"), .string("s"), .string("site")])
        else {
            Issue.record("no table")
            return
        }
        #expect(path.keys.sorted() == ["max_connection_rate", "max_deliveries_per_connection", "max_message_rate"])
        #expect(engine.now(.getQueueConfig, [.string("d"), .string("acme")]) == .success(.table(["queue_name": .string("acme-group")])))
        let message = TestMessage()
        #expect(engine.now(.smtpServerMessageReceived, [.message(message)]) == .success(.null))
        #expect(message.metadata["tenant"] == .string("sender.example"))
        var outcome: Result<ConfigValue, PolicyError>?
        engine.call(.deliveryComplete, [.message(message), .config(.table(["status": .string("delivered"), "code": .integer(250)]))]) {
            outcome = $0
        }
        #expect(outcome == nil && host.lines == ["info: ann@example.com delivered"])
        #expect(String(decoding: host.requests[0].request.body, as: UTF8.self) == #"{"code":250,"to":"ann@example.com"}"#)
        host.requests[0].completion(.success(PolicyHTTPResponse(status: 204, headers: [], body: [])))
        #expect(outcome == .success(.null))
    }

    @Test func addressesCompareAndConcatenate() throws {
        let engine = try load(
            "kumo.on('smtp_server_mail_from', function(from) return {from == '', from .. '|', from.user, from.domain} end)")
        #expect(
            engine.now(.smtpServerMailFrom, [.address(.null)]) == .success(.list([.bool(true), .string("|"), .string(""), .string("")])))
        let quoted = EnvelopeAddress(localPart: "a b", domain: "x.example")
        #expect(
            engine.now(.smtpServerMailFrom, [.address(quoted)])
                == .success(.list([.bool(false), .string("\"a b\"@x.example|"), .string("a b"), .string("x.example")])))
    }
}
