import NIOCore
import NIOPosix
import Resources
import Shaping
import Synchronization
import TLS
import Telemetry

/// *Shared*: looks every few seconds whether the files of a certificate hold something else, and puts it in force once it is checked. Contents are
/// compared and not times: a Kubernetes secret changes by one symbolic link, a copy may keep its time.
final class CertificateWatch: Sendable {
    private struct State {
        var texts: CertificateSources.Texts
        /// What was said last about files that cannot be used.
        var complaint: String?
        var isLooking = false
    }

    private let sources: CertificateSources
    private let identity: ServerIdentity
    private let state: Mutex<State>

    /// How often it looks.
    static let interval = TimeAmount.seconds(5)

    init(_ sources: CertificateSources, _ texts: CertificateSources.Texts, identity: ServerIdentity) {
        self.sources = sources
        self.identity = identity
        state = Mutex(State(texts: texts))
    }

    /// Looks again and again, on a thread that may wait for the disk, until `isOver`.
    func start(on loop: any EventLoop, until isOver: @escaping @Sendable () -> Bool) {
        loop.scheduleRepeatedTask(initialDelay: Self.interval, delay: Self.interval) { task in
            guard !isOver() else { return task.cancel() }
            guard
                self.state.withLock({ state in
                    defer { state.isLooking = true }
                    return !state.isLooking
                })
            else { return }
            NIOThreadPool.singleton.submit { _ in
                self.look()
                self.state.withLock { $0.isLooking = false }
            }
        }
    }

    /// Reads the files, and uses them when they have changed and are good. Blocks.
    func look() {
        do {
            let texts = try sources.read()
            guard state.withLock({ $0.texts != texts || $0.complaint != nil }) else { return }
            let context = try sources.context(texts)
            let isNew = state.withLock { state in
                defer { (state.texts, state.complaint) = (texts, nil) }
                return state.texts != texts
            }
            identity.use(context)
            if isNew { Log.info("a new certificate is in force", ["file": sources.certificate.name]) }
        } catch {
            let text = "\(error)"
            let isNews = state.withLock { state in
                defer { state.complaint = text }
                return state.complaint != text
            }
            if isNews { Log.error("a changed certificate cannot be used, the one before stays in force", ["error": text]) }
        }
    }
}
