/// Who a spool directory belongs to. *value* (a namespace).
package enum SpoolIdentity {
    /// The node that the directory names: in `OWNER`, or, when that is lost, in the list of segments. nil for a directory that names none.
    package static func node(in directory: String) throws(SpoolError) -> String? {
        let (found, ledger) = try VolumeClaim.recorded(directory)
        if case .record(let record) = found { return record.node }
        return ledger?.node
    }

    /// What `Spool.remember` noted for the directory.
    package static func words(in directory: String) -> Set<String> {
        guard let recorded = try? VolumeClaim.recorded(directory), case .record(let record) = recorded.found else { return [] }
        return record.words
    }
}
