internal import Platform

extension ControlTable {
    /// The table that the lines of a file describe.
    init(lines: [ControlLine], path: String, now: Int64, steady: MonotonicInstant) throws(ControlError) {
        self.init()
        for (index, line) in lines.enumerated() {
            switch line {
            case .format: break
            case .position(let highest, let contact, let position):
                observe(highest)
                self.contact = contact
                self.position = position
            case .acknowledged(let id, let version):
                if let old = held[id] { _ = acknowledge(id: id, version: version, node: old.entry.node, event: nil) }
            case .dropped(let id, let version): _ = drop(id: id, version: version)
            case .entry(let isPending, let json):
                // Its own clock may have been set back since: times are checked against the later of now and its own.
                guard let entry = ControlEntry(json: json[...])?.learned(wall: now, steady: steady),
                    entry.flaw(now: max(now, entry.created)) == nil
                else {
                    throw ControlError(
                        .damaged, "\(path) holds no valid entry in line \(index + 1)",
                        remedy:
                            "Restore the file from a backup, or give the rules up that only this node had with `apus spool forget-orders DIR`"
                    )
                }
                if merge(entry, bytes: json.count, isPending: isPending) == .full {
                    throw ControlError(
                        .full, "\(path) holds more than \(ControlBounds.kept) entries or \(ControlBounds.keptBytes) bytes",
                        remedy:
                            "Restore the file from a backup, or give the rules up that only this node had with `apus spool forget-orders DIR`"
                    )
                }
            }
        }
        _ = expire(now: steady)
    }

    /// The file that describes the table.
    var content: [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(bytes + held.count * 16 + 256)
        ControlLine.format.append(to: &out)
        positionLine.append(to: &out)
        for (id, old) in held {
            // What the store acknowledged and this node has not read again is offered once more after a restart.
            ControlLine.entry(isPending: old.isPending || unread[id] != nil, json: old.entry.json).append(to: &out)
        }
        return out
    }

    /// How far the cluster was read, as a line.
    var positionLine: ControlLine { .position(highest: highest, contact: contact, position) }
}
