import Options
import Shaping

extension PolicyEngine {
    /// `kumo.api.admin.*`: answers `{ id = … }`.
    func order(_ kind: AdminAction.Kind, _ function: NativeFunction, _ arguments: inout NativeArguments, _ writer: ValueWriter)
        throws(NativeFailure)
    {
        let name = function.paths[0]
        // A policy is loaded once per event loop, and again for each check: an order must not be given as often.
        guard phase == .serving, let host else { throw .error("\(name) can be called in handlers only, not while the policy loads") }
        guard case .table(let table) = try arguments.value(name) else {
            throw .error("\(name): a table of options is required, as in \(name){reason = 'why', …}")
        }
        let action: AdminAction
        do throws(ConfigError) { action = try AdminAction(kind, table) } catch { throw .error("\(name): \(error.message)") }
        switch host.admin(PolicyAdminRequest(action: action, source: arguments.position)) {
        case .failure(let error): throw .error("\(name): \(error.description)")
        case .success(let id):
            writer.table(count: 1)
            writer.key("id")
            writer.string(id)
        }
    }
}
