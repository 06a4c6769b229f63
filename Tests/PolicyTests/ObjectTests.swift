import Message
import Options
import Policy
import Shaping
import Testing

@Suite struct ObjectTests {
    @Test(arguments: [
        ("msg:id()", ConfigValue.string("0123456789abcdef0123456789abcdef")), ("msg:sender()", .string("news@sender.example")),
        ("msg:recipient()", .string("ann@example.com")), ("msg:recipient_list()", .list([.string("ann@example.com")])),
        ("msg:recipient().user", .string("ann")), ("msg:recipient().domain", .string("example.com")),
        ("msg:recipient().email", .string("ann@example.com")),
        ("'to ' .. msg:recipient()", .string("to ann@example.com")), ("msg:recipient() == 'ann@example.com'", .bool(true)),
        ("tostring(msg:sender())", .string("news@sender.example")), ("msg:recipient().nothing", .null), ("('plain').user", .null),
        ("('').domain", .string("")), ("('postmaster').user", .string("postmaster")), ("('\"a \\\\\\\"b\"@x').user", .string("a \"b")),
        ("('a@b\\r\\nc').domain", .null), ("('@x').user", .null), ("('x@').user", .null), ("(5).user", .null),
        ("msg:queue_name()", .string("c:t@example.com")), ("msg:get_data()", .string("Subject: hi\r\n\r\nbody\r\n")),
        ("msg:num_attempts()", .integer(3)),
        ("msg:get_first_named_header_value('Subject')", .string("hi")), ("msg:get_first_named_header_value('To')", .null),
        ("type(msg)", .string("userdata")), ("tostring(msg):match('^message:')", .string("message:")), ("getmetatable(msg)", .bool(false)),
    ])
    func methods(_ lua: String, _ value: ConfigValue) {
        let outcome = PolicyEngine.evaluate("return \(lua)")
        if lua == "(5).user" {
            #expect(outcome?.errorText?.contains("attempt to index a number") == true)
        } else {
            #expect(outcome == .success(value))
        }
    }

    @Test func severalRecipients() {
        let message = TestMessage()
        message.recipients.append(EnvelopeAddress(localPart: "bob", domain: "b.example"))
        #expect(
            PolicyEngine.evaluate("return {#msg:recipient(), msg:recipient()[2].domain}", message: message)
                == .success(.list([.integer(2), .string("b.example")])))
    }

    @Test func metadata() throws {
        let message = TestMessage()
        let outcome = PolicyEngine.evaluate(
            "msg:set_meta('tenant', 'acme') msg:set_meta('n', {1, {a = 2}}) msg:set_meta('x', 1) msg:set_meta('x', nil) return {msg:get_meta('tenant'), msg:get_meta('n')[2].a, msg:get_meta('x') == nil}",
            message: message)
        #expect(outcome == .success(.list([.string("acme"), .integer(2), .bool(true)])))
        #expect(message.metadata == ["tenant": .string("acme"), "n": .list([.integer(1), .table(["a": .integer(2)])])])
        let engine = try load("kumo.on('smtp_server_connection_accepted', function(c) c:set_meta('k', c:get_meta('in') .. '!') end)")
        let connection = TestConnection()
        connection.metadata["in"] = .string("v")
        #expect(engine.now(.smtpServerConnectionAccepted, [.connection(connection)]) == .success(.null))
        #expect(connection.metadata["k"] == .string("v!"))
    }

    @Test(
        arguments: [
            ("msg:set_meta('tenant', 5)", "'tenant' must be a string, or nil to clear it"),
            ("msg:set_meta('queue', {})", "'queue' must be a string"),
            ("msg:set_meta(nil, 1)", "the name must be a string"), ("msg:set_meta('f', print)", "a function can not be used here"),
            ("msg:set_meta('m', msg)", "a message can not be used here"), ("msg:set_meta('m', {msg})", nil),
            ("msg.get_meta('x')", "call it on a message, with a colon"),
            ("msg:set_sender('a@b')", "msg:set_sender is not supported yet by this version"),
            ("msg:set_recipient('a@b')", "msg:set_recipient is not supported yet"),
            ("msg:dkim_sign(1)", "msg:dkim_sign is not supported yet"),
            ("msg:get_mta('x')", "msg:get_mta does not exist (did you mean 'get_meta'?)"),
            ("msg.x = 1", "attempt to index a message value"), ("msg.get_meta(io, 'x')", "can not be used here"), ("return msg", nil),
            ("msg.get_meta({}, 'x')", "call it on a message"),
        ] as [(String, String?)])
    func misuse(_ lua: String, _ message: String?) {
        let outcome = PolicyEngine.evaluate(lua)
        if let message {
            #expect(
                outcome?.errorText?.contains(message) == true && outcome?.errorText?.contains("init.lua:1") == true,
                "\(String(describing: outcome))")
        } else {
            #expect(outcome == .success(.null))
        }
    }

    @Test func handlesDieWithTheHandler() throws {
        let engine = try load(
            """
            kumo.on('smtp_server_message_received', function(msg, conn)
              if kept then
                local _, a = pcall(kept.id, kept)
                local _, b = pcall(conn2.get_meta, conn2, 'x')
                return {a, b, msg:id()}
              end
              kept, conn2 = msg, conn
            end)
            """)
        let arguments: [PolicyValue] = [.message(TestMessage()), .connection(TestConnection())]
        #expect(engine.now(.smtpServerMessageReceived, arguments) == .success(.null))
        guard case .success(.list(let texts))? = engine.now(.smtpServerMessageReceived, arguments), case .string(let first) = texts[0],
            case .string(let second) = texts[1]
        else {
            Issue.record("no answer")
            return
        }
        #expect(first.contains("this message is gone") && second.contains("this connection is gone"))
        #expect(texts[2] == .string(TestMessage().id))
    }

    @Test func handlesDieWithAFailedHandler() throws {
        let engine = try load(
            "kumo.on('smtp_server_message_received', function(msg) if kept then return kept:id() end kept = msg error('x') end)")
        weak var gone: TestMessage?
        do {
            let message = TestMessage()
            gone = message
            #expect(engine.now(.smtpServerMessageReceived, [.message(message)])?.errorText == "init.lua:1: x")
        }
        #expect(gone == nil)
        #expect(engine.now(.smtpServerMessageReceived, [.message(TestMessage())])?.errorText?.contains("gone") == true)
    }
}
