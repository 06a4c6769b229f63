import RateCheck

extension CheckRun {
    /// One line of JSON.
    var json: String {
        let rates = rateReports.map { key, r in
            let nodes = r.nodes.map { "{\"node\":\(Self.quoted(node($0.node))),\"count\":\($0.count),\"longest_gap_ns\":\($0.longestGap)}" }
            let parts = [
                "\"key\":\(Self.quoted(key))", "\"limit\":\(r.limit)", "\"period_ns\":\(r.period)", "\"total\":\(r.total)",
                "\"worst\":\(r.worst.count)", "\"worst_start_ns\":\(r.worst.start)", "\"worst_end_ns\":\(r.worst.end)",
                "\"overshoot\":\(r.overshoot)", "\"windows_over\":\(r.windowsOver)", "\"from_ns\":\(r.from)", "\"to_ns\":\(r.to)",
                "\"inside\":\(r.inside)", "\"utilisation\":\(r.utilisation)", "\"longest_gap_ns\":\(r.gap.length)",
                "\"longest_gap_start_ns\":\(r.gap.start)", "\"gaps_over_period\":\(r.gapsOverPeriod)", "\"jain\":\(r.jain)",
                "\"back_after_ns\":\(r.backAfter.map { "\($0)" } ?? "null")", "\"nodes\":[\(nodes.joined(separator: ","))]",
            ]
            return "{\(parts.joined(separator: ","))}"
        }
        let caps = capReports.map { key, r in
            "{\"key\":\(Self.quoted(key)),\"limit\":\(r.limit),\"opened\":\(r.opened),\"closed\":\(r.closed),\"still_open\":\(r.stillOpen),"
                + "\"worst\":\(r.worst),\"worst_at_ns\":\(r.worstAt),\"overshoot\":\(r.overshoot),\"opened_over\":\(r.openedOver)}"
        }
        return "{\"exceeded\":\(isExceeded),\"rates\":[\(rates.joined(separator: ","))],\"caps\":[\(caps.joined(separator: ","))]}"
    }

    /// A table for people.
    var table: String {
        var lines: [String] = []
        if !rateReports.isEmpty {
            lines.append(Self.row(["key", "records", "worst", "limit", "over", "used", "longest gap", "jain", "back after"]))
        }
        for (key, r) in rateReports {
            lines.append(
                Self.row([
                    key, "\(r.total)", "\(r.worst.count)", "\(r.limit)", "\(r.overshoot)", Self.percent(r.utilisation),
                    Self.seconds(r.gap.length), Self.fixed(r.jain, 3), r.backAfter.map(Self.seconds) ?? "-",
                ]))
            if r.overshoot > 0 { lines.append("  the fullest window: \(r.worst.start) to \(r.worst.end) ns") }
            for part in r.nodes where part.node != NameTable.nobody {
                lines.append("  \(node(part.node)): \(part.count) sent, longest wait \(Self.seconds(part.longestGap))")
            }
        }
        if !capReports.isEmpty { lines.append(Self.row(["key", "opened", "open now", "most", "cap", "over"])) }
        for (key, r) in capReports {
            lines.append(Self.row([key, "\(r.opened)", "\(r.stillOpen)", "\(r.worst)", "\(r.limit)", "\(r.overshoot)"]))
        }
        return lines.isEmpty ? "no records" : lines.joined(separator: "\n")
    }

    private static func row(_ cells: [String]) -> String {
        cells.enumerated().map { index, cell in
            let padding = String(repeating: " ", count: max(0, (index == 0 ? 24 : 12) - cell.count))
            return index == 0 ? cell + padding : padding + cell
        }.joined(separator: " ")
    }

    private static func fixed(_ value: Double, _ digits: Int) -> String {
        let scale = (0..<digits).reduce(1) { s, _ in s * 10 }
        let whole = Int((value * Double(scale)).rounded())
        let tail = String(whole % scale)
        return "\(whole / scale).\(String(repeating: "0", count: digits - tail.count))\(tail)"
    }

    private static func percent(_ share: Double) -> String { "\(fixed(share * 100, 1)) %" }

    private static func seconds(_ nanoseconds: Int64) -> String { "\(fixed(Double(nanoseconds) / 1e9, 3)) s" }

    private static func quoted(_ text: String) -> String {
        var out = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": out += "\\\""
            case "\\": out += "\\\\"
            case _ where scalar.value < 0x20 || scalar.value == 0x7F:
                let hex = String(scalar.value, radix: 16)
                out += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out + "\""
    }
}
