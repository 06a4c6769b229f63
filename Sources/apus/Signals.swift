@preconcurrency import Dispatch
import Glibc

/// *Shared*: the signals of the process as a sequence of what they ask for.
///
/// SIGTERM, SIGINT, SIGQUIT, SIGPWR and SIGXCPU ask for an orderly stop, SIGHUP for a reload. Every other signal that would end the process
/// without being a bug of ours is ignored: SIGUSR1, SIGUSR2, SIGPIPE, SIGALRM, SIGVTALRM, SIGPROF, SIGIO, SIGSTKFLT, SIGXFSZ (a write beyond the
/// limit then fails and counts as a full disk) and the real-time signals. What a parent ignored or blocked does not matter: `nohup` and
/// background jobs of a shell are handled alike.
///
/// A handler writes the number to a pipe, so that no signal is lost between the first line of the command and the moment somebody listens.
final class Signals: Sendable {
    /// What a signal asks for.
    enum Request: Sendable {
        case stop, reload
    }

    private static let stops = [SIGTERM, SIGINT, SIGQUIT, SIGPWR, SIGXCPU]
    private static let ignored = [SIGUSR1, SIGUSR2, SIGPIPE, SIGALRM, SIGVTALRM, SIGPROF, SIGIO, SIGSTKFLT, SIGXFSZ]

    private let requests: AsyncStream<Request>
    private let source: (any DispatchSourceRead)?

    /// Takes the signals over, for the whole process; once.
    /// - Parameter stopping: called at the first signal that asks for a stop, from a thread of Dispatch.
    init(stopping: @escaping @Sendable () -> Void = {}) {
        let (requests, continuation) = AsyncStream.makeStream(of: Request.self, bufferingPolicy: .bufferingNewest(64))
        self.requests = requests
        var pipes: [Int32] = [-1, -1]
        guard pipe(&pipes) == 0 else {
            // Without descriptors nothing else will start either, and says so.
            source = nil
            return
        }
        for file in pipes {
            _ = fcntl(file, F_SETFD, FD_CLOEXEC)
            _ = fcntl(file, F_SETFL, O_NONBLOCK)
        }
        signalPipe = pipes[1]
        let source = DispatchSource.makeReadSource(fileDescriptor: pipes[0], queue: .global())
        let reader = pipes[0]
        source.setEventHandler {
            var numbers = [UInt8](repeating: 0, count: 64)
            let count = read(reader, &numbers, numbers.count)
            for number in numbers.prefix(max(0, count)) {
                guard Int32(number) != SIGHUP else {
                    continuation.yield(.reload)
                    continue
                }
                stopping()
                continuation.yield(.stop)
            }
        }
        source.resume()
        self.source = source
        for number in Self.ignored { signal(number, SIG_IGN) }
        for number in Self.firstRealTime...Self.lastRealTime { signal(number, SIG_IGN) }
        for number in Self.stops + [SIGHUP] { Self.catchSignal(number) }
    }

    /// Those that the C library does not keep for itself.
    private static var firstRealTime: Int32 { __libc_current_sigrtmin() }
    private static var lastRealTime: Int32 { __libc_current_sigrtmax() }

    private static func catchSignal(_ number: Int32) {
        var action = sigaction()
        action.__sigaction_handler.sa_handler = { number in
            // Nothing but a write: a handler may run anywhere.
            let saved = errno
            var byte = UInt8(truncatingIfNeeded: number)
            _ = write(signalPipe, &byte, 1)
            errno = saved
        }
        action.sa_flags = SA_RESTART
        sigfillset(&action.sa_mask)
        sigaction(number, &action, nil)
        var one = sigset_t()
        sigemptyset(&one)
        sigaddset(&one, number)
        pthread_sigmask(SIG_UNBLOCK, &one, nil)
    }

    /// The next request; nil when the task is cancelled.
    func next() async -> Request? {
        for await request in requests { return request }
        return nil
    }

    /// Returns at the next request to stop; `reload` is called for each request before it.
    func untilStop(reload: @escaping @Sendable () async -> Void = {}) async {
        while let request = await next() {
            switch request {
            case .stop: return
            case .reload: Task { await reload() }  // a stop does not wait for it
            }
        }
    }
}

/// Where the handler writes; set once, before any handler is there.
nonisolated(unsafe) private var signalPipe: Int32 = -1
