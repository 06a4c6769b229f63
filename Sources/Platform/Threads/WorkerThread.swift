import Glibc

/// A named POSIX thread that blocks all signals, so that the process's handlers run elsewhere. *Value* naming the thread.
package struct WorkerThread: Sendable {
    private let handle: pthread_t

    private final class Start: Sendable {
        let name: String
        let body: @Sendable () -> Void

        init(name: String, body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }

    /// Starts a thread that runs `body`; throws when the system refuses another thread.
    package init(name: String, body: @escaping @Sendable () -> Void) throws(ThreadShortage) {
        let argument = Unmanaged.passRetained(Start(name: name, body: body))
        var handle = pthread_t()
        let status = pthread_create(
            &handle, nil,
            { argument in
                guard let argument else { return nil }
                let start = Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
                var signals = sigset_t()
                sigfillset(&signals)
                pthread_sigmask(SIG_BLOCK, &signals, nil)
                WorkerThread.name(start.name)
                start.body()
                return nil
            }, argument.toOpaque())
        guard status == 0 else {
            argument.release()
            throw ThreadShortage("cannot start thread \(name)", status, remedy: "raise the limit of processes or pids")
        }
        self.handle = handle
    }

    /// Names the calling thread for `top` and debuggers; glibc's own call is hidden from Swift.
    private static func name(_ name: String) {
        let file = open("/proc/thread-self/comm", O_WRONLY | O_CLOEXEC)
        guard file >= 0 else { return }
        _ = Array(name.utf8.prefix(15)).withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
        close(file)
    }

    /// True when called on this thread.
    package var isCurrent: Bool { pthread_equal(handle, pthread_self()) != 0 }

    /// Waits until the thread has ended. At most once, and not on the thread itself.
    package func join() { pthread_join(handle, nil) }

    /// Lets the thread go without waiting for it. Instead of `join`, at most once.
    package func detach() { pthread_detach(handle) }
}
