import Delivery
import HTTPTypes
import Hummingbird
import NIOCore
import NIOHTTP1
import Resources

/// *Loop-confined*: one connection of the HTTP listener: the last handler of its pipeline.
///
/// One request at a time: the next is not even parsed before the answer to the last has left for the network, so a client that does not read
/// stops itself. Who may ask, what exists and how much may come is decided with the head, before a body is read.
///
/// *Diagnostics*: what a client does wrong is answered with a line and the connection closed; a reset ends it silently.
final class HTTPConnection: ChannelInboundHandler, TurnTaker, InletOwner {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    /// *Value*: a request that is arriving.
    private struct Incoming {
        var head: HTTPRequestHead
        var target: RequestTarget
        /// The body's length; `nil` when it comes in chunks.
        var length: Int?
        /// Bytes that the body may have.
        package var limit: Int
        var keepsAlive: Bool
        /// The answer, when it does not depend on the body and there is none.
        package var ready: HTTPReply?
    }

    private enum State {
        /// Between requests.
        case idle
        case receiving(Incoming)
        /// A route works on the answer.
        case answering(HTTPRequestHead, keepsAlive: Bool)
        /// The answer is on its way to the socket.
        case writing
        /// The last answer is out; input is dropped until the client closes, or for a moment.
        case lingering
        case closed
    }

    private let front: HTTPFront
    private let turns: HTTPTurns
    private var inlet: HTTPInlet?
    private var context: ChannelHandlerContext?
    private var state = State.idle
    private var input = RequestBytes()
    /// The body of the request that is arriving.
    private var body = ByteBuffer()
    /// Parts of the next request that came in one piece with the end of the present one.
    private var stash: [HTTPServerRequestPart] = []
    private var isWaitingForTurn = false
    private var isFeeding = false
    private var isStopping = false
    private var inputHasEnded = false
    /// The bytes that follow cannot be read as requests.
    private var isBroken = false
    private var isTrusted = false
    private var admission: HTTPFront.Admission?
    private var dropped = 0
    private var unsent = 0
    private var counted = 0
    private var deadline = NIODeadline.distantFuture
    private var began = NIODeadline.now()
    private var timer: Scheduled<Void>?
    private var armed = NIODeadline.distantFuture

    /// What a connection costs that holds nothing.
    static let baseBytes = 8 * 1024
    /// Bodies up to this size are taken even when memory is short: they are how an operator helps.
    static let smallBody = 64 * 1024
    /// A body is decoded and copied while its request is answered.
    static let copies = 4
    private static let lingerBytes = 1 << 20

    /// A connection of the listener, on the loop of `turns`.
    package init(front: HTTPFront, turns: HTTPTurns) {
        self.front = front
        self.turns = turns
    }

    func attach(_ inlet: HTTPInlet) { self.inlet = inlet }

    // MARK: Life

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if context.channel.isActive { begin(context) }
    }

    func channelActive(context: ChannelHandlerContext) { begin(context) }
    func channelInactive(context: ChannelHandlerContext) { end() }
    func handlerRemoved(context: ChannelHandlerContext) { end() }

    private func begin(_ context: ChannelHandlerContext) {
        guard admission == nil, case .idle = state else { return }
        isTrusted = front.access.trusts(context.channel.remoteAddress)
        let admission = front.admit(isTrusted: isTrusted)
        self.admission = admission
        account()
        expect(within: isTrusted ? .seconds(60) : .seconds(15))
        guard admission.isWelcome else {
            return finish(
                HTTPReply(
                    .serviceUnavailable,
                    text: "too many connections (max_connections of the HTTP listener); try again, and close connections that are idle",
                    headers: [("Retry-After", "1")]), keepsAlive: false)
        }
        if front.isStopping { stop() }
    }

    private func end() {
        guard self.context != nil else { return }
        context = nil
        state = .closed
        timer?.cancel()
        timer = nil
        input.removeAll()
        body = ByteBuffer()
        stash = []
        unsent = 0
        front.budget.change(.http, by: -counted)
        counted = 0
        if let admission { front.leave(admission) }
    }

    /// Ends the connection after the request in hand.
    package func stop() {
        isStopping = true
        if case .idle = state, input.isEmpty, stash.isEmpty { close() }
    }

    /// Ends the connection now.
    func abort() { close() }

    private func close() { context?.close(promise: nil) }

    // MARK: Input

    /// More bytes may come: while a request is worked on, as many as one read brings.
    var wantsInput: Bool {
        switch state {
        case .lingering: true
        case .idle, .receiving, .answering, .writing: input.count < RequestBytes.limit
        case .closed: false
        }
    }

    var isReceivingBody: Bool {
        switch state {
        case .receiving, .lingering: true
        case .idle, .answering, .writing, .closed: false
        }
    }

    func received(_ bytes: ByteBuffer) {
        switch state {
        case .closed: return
        case .lingering:
            dropped += bytes.readableBytes
            if dropped > Self.lingerBytes { close() }
        case .idle:
            if input.isEmpty, stash.isEmpty { expect(within: .seconds(60)) }
            input.append(bytes)
            wantTurn()
        case .receiving:
            input.append(bytes)
            feed()
        case .answering, .writing: input.append(bytes)
        }
        account()
    }

    func inputClosed() {
        inputHasEnded = true
        switch state {
        case .idle: if input.isEmpty, stash.isEmpty { close() } else { wantTurn() }
        case .receiving, .lingering: close()
        case .answering, .writing, .closed: break
        }
    }

    private func wantTurn() {
        guard !isWaitingForTurn else { return }
        isWaitingForTurn = true
        turns.take(self, isTrusted: isTrusted)
    }

    /// The turn this connection asked for: one request is parsed and started.
    func turn() {
        isWaitingForTurn = false
        guard case .idle = state else { return }
        let parts = stash
        stash = []
        for part in parts { take(part) }
        feed()
        account()
        if case .idle = state, !isWaitingForTurn, inputHasEnded { close() }
    }

    private func feed() {
        guard !isFeeding else { return }
        isFeeding = true
        defer {
            isFeeding = false
            inlet?.readOn()
        }
        while true {
            let piece: ByteBuffer?
            switch state {
            case .idle:
                guard !isWaitingForTurn else { return }
                piece = input.nextHead()
            case .receiving(let incoming): piece = input.nextBody(left: incoming.length.map { $0 - body.readableBytes })
            case .answering, .writing, .lingering, .closed: return
            }
            guard let piece else { return }
            inlet?.feed(piece)
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) { take(unwrapInboundIn(data)) }

    private func take(_ part: HTTPServerRequestPart) {
        switch (state, part) {
        case (.lingering, _), (.closed, _): break
        case (.answering, _), (.writing, _): stash.append(part)
        case (.idle, .head(let head)): if stash.isEmpty { start(head) } else { stash.append(part) }
        case (.idle, _): if !stash.isEmpty { stash.append(part) }  // else the rest of a request that was answered early
        case (.receiving(let incoming), .body(let bytes)):
            guard body.readableBytes + bytes.readableBytes <= incoming.limit else {
                return finish(Self.tooLarge(incoming.limit), keepsAlive: false, to: incoming.head)
            }
            body.writeImmutableBuffer(bytes)
            let count = body.readableBytes
            if count > Self.smallBody, front.budget.isExhausted { return finish(Self.noMemory, keepsAlive: false, to: incoming.head) }
            account()
            // Who keeps up 1 KiB a second is welcome for as long as it takes; a drip is not.
            deadline = min(.now() + .seconds(60), began + .seconds(60 + Int64(count / 1024)))
        case (.receiving(let incoming), .end): dispatch(incoming)
        case (.receiving, .head): break  // the decoder ends one request before the next
        }
    }

    // MARK: Requests

    private func start(_ head: HTTPRequestHead) {
        guard let context else { return }
        let target = RequestTarget(head.uri)
        let length = head.headers.first(name: "content-length").flatMap { Int($0) }
        let coding = head.headers["transfer-encoding"]
        let hasBody = !coding.isEmpty || (length ?? 0) > 0
        // What follows a request to upgrade or to tunnel would not be HTTP.
        let keepsAlive = head.isKeepAlive && head.method != .CONNECT && !head.headers.contains(name: "upgrade")
        var incoming = Incoming(
            head: head, target: target, length: coding.isEmpty ? length ?? 0 : nil, limit: isTrusted ? front.bodyLimit : 4096,
            keepsAlive: keepsAlive)
        let expectations = head.version != .http1_0 ? head.headers[canonicalForm: "expect"].filter { !$0.isEmpty } : []
        if let refusal = front.access.refusal(
            head, target: target, peer: context.channel.remoteAddress, local: context.channel.localAddress)
        {
            return finish(refusal, keepsAlive: false, to: head)
        }
        if coding.contains(where: { $0.lowercased() != "chunked" }) {
            return finish(
                HTTPReply(.notImplemented, text: "Transfer-Encoding \(coding[0].shown) is not supported; send the body as it is"),
                keepsAlive: false, to: head)
        }
        if expectations.contains(where: { $0.lowercased() != "100-continue" }) {
            return finish(
                HTTPReply(.expectationFailed, text: "Expect: \(expectations[0].description.shown) is not supported; only 100-continue is"),
                keepsAlive: false, to: head)
        }
        if let refusal = front.routes.refusal(method: head.method, path: target.path) {
            if hasBody { return finish(refusal, keepsAlive: false, to: head) }
            incoming.ready = refusal
        }
        if let length, length > incoming.limit { return finish(Self.tooLarge(incoming.limit), keepsAlive: false, to: head) }
        if let length, length > Self.smallBody, front.budget.isExhausted { return finish(Self.noMemory, keepsAlive: false, to: head) }
        began = .now()
        state = .receiving(incoming)
        if hasBody, !expectations.isEmpty {
            context.writeAndFlush(wrapOutboundOut(.head(HTTPResponseHead(version: head.version, status: .continue))), promise: nil)
        }
    }

    private func dispatch(_ incoming: Incoming) {
        let keepsAlive = incoming.keepsAlive && !isStopping
        if let reply = incoming.ready { return finish(reply, keepsAlive: keepsAlive, to: incoming.head) }
        let body = self.body
        self.body = ByteBuffer()
        let bytes = body.storageCapacity * Self.copies
        if body.readableBytes > Self.smallBody, !front.budget.hasRoom(for: bytes) {
            return finish(Self.noMemory, keepsAlive: keepsAlive, to: incoming.head)
        }
        state = .answering(incoming.head, keepsAlive: keepsAlive)
        deadline = .distantFuture
        unsent = bytes
        account()
        guard let context, let request = Request(incoming.head, target: incoming.target, body: body) else {
            return finish(HTTPReply(.badRequest, text: "the request cannot be read"), keepsAlive: false, to: incoming.head)
        }
        let source = ApplicationRequestContextSource(channel: context.channel, logger: front.logger)
        let loop = context.eventLoop
        let bound = NIOLoopBound(self, eventLoop: loop)
        let front = front
        Task {
            let reply = await front.answer(request, APIContext(source: source))
            loop.execute { bound.value.answered(reply) }
        }
    }

    private func answered(_ reply: HTTPReply) {
        guard case .answering(let head, let keepsAlive) = state else { return }
        finish(reply, keepsAlive: keepsAlive && !isStopping && !isBroken, to: head)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let fault = error as? HTTPParserError else { return close() }
        switch state {
        case .idle, .receiving:
            if fault == .headerOverflow {
                finish(HTTPReply(.requestHeaderFieldsTooLarge, text: "the header fields are too large"), keepsAlive: false)
            } else {
                finish(HTTPReply(.badRequest, text: "this is not an HTTP/1.1 request: \(fault)"), keepsAlive: false)
            }
        case .answering, .writing: isBroken = true
        case .lingering, .closed: break
        }
    }

    private static func tooLarge(_ limit: Int) -> HTTPReply {
        HTTPReply(.payloadTooLarge, text: "the body is larger than \(limit) bytes (request_body_limit)")
    }

    private static let noMemory = HTTPReply(
        .serviceUnavailable, text: "memory: load shedding; try again later", headers: [("Retry-After", "10")])

    // MARK: Output

    private func finish(_ reply: HTTPReply, keepsAlive: Bool, to head: HTTPRequestHead? = nil) {
        guard let context else { return }
        state = .writing
        body = ByteBuffer()
        front.countAnswer(reply.status.code)
        var headers = HTTPHeaders(reply.headers)
        // RFC 9110 8.6: what a HEAD answers is what GET would.
        if reply.status != .noContent { headers.add(name: "Content-Length", value: String(reply.body.readableBytes)) }
        headers.add(name: "Date", value: turns.dateText())
        if !keepsAlive {
            headers.add(name: "Connection", value: "close")
        } else if head?.version == .http1_0 {
            headers.add(name: "Connection", value: "keep-alive")
        }
        let isBodySent = head?.method != .HEAD && reply.body.readableBytes > 0
        unsent = isBodySent ? reply.body.storageCapacity : 0
        deadline = .now() + .seconds(60 + Int64(reply.body.readableBytes >> 14))
        account()
        context.write(wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: reply.status, headers: headers))), promise: nil)
        if isBodySent { context.write(wrapOutboundOut(.body(.byteBuffer(reply.body))), promise: nil) }
        let written = context.eventLoop.makePromise(of: Void.self)
        written.futureResult.assumeIsolated().whenComplete { [self] result in
            if case .success = result { answerIsOut(keepsAlive: keepsAlive) }
        }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: written)
    }

    private func answerIsOut(keepsAlive: Bool) {
        guard case .writing = state, let context else { return }
        unsent = 0
        guard keepsAlive, !isBroken, !isStopping else {
            // Closed at once with unread input, the connection would be reset, and the reset may overtake the answer.
            state = .lingering
            input.removeAll()
            stash = []
            account()
            // A connection over the limit must not hold its descriptor for longer.
            if inputHasEnded || admission?.isWelcome == false { return close() }
            expect(within: .seconds(2))
            context.close(mode: .output, promise: nil)
            inlet?.readOn()
            return
        }
        state = .idle
        expect(within: isTrusted ? .seconds(60) : .seconds(15))
        account()
        if input.isEmpty, stash.isEmpty {
            if inputHasEnded { return close() }
        } else {
            wantTurn()
        }
        inlet?.readOn()
    }

    // MARK: Memory and time

    private func account() {
        guard context != nil else { return }
        let held = Self.baseBytes + input.storage + body.storageCapacity + unsent
        guard abs(held - counted) >= 4096 || counted == 0 else { return }
        front.budget.change(.http, by: held - counted)
        counted = held
    }

    private func expect(within time: TimeAmount) {
        deadline = .now() + time
        arm()
    }

    private func arm() {
        guard let context, timer == nil || deadline < armed else { return }
        timer?.cancel()
        armed = max(min(deadline, .now() + .seconds(60)), .now() + .milliseconds(1))
        timer = context.eventLoop.assumeIsolated().scheduleTask(deadline: armed) {
            self.timer = nil
            self.wakeUp()
        }
    }

    private func wakeUp() {
        guard context != nil else { return }
        guard NIODeadline.now() >= deadline else { return arm() }
        switch state {
        case .idle where input.isEmpty && stash.isEmpty: close()
        case .idle, .receiving:
            finish(HTTPReply(.requestTimeout, text: "the request did not arrive in time"), keepsAlive: false)
            arm()
        case .writing, .lingering: close()
        case .answering, .closed: break
        }
    }
}
