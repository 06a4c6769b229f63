/// What happened, in lines; the last ones and the important ones are kept. *Thread-confined.*
final class Trace {
    private var lines: [(time: Int64, text: String, isImportant: Bool)] = []
    private let kept: Int

    /// Keeps `kept` lines beside the important ones.
    init(keeping kept: Int) { self.kept = kept }

    /// Adds a line.
    func note(_ time: Int64, _ text: @autoclosure () -> String, isImportant: Bool = false) {
        lines.append((time, text(), isImportant))
        if lines.count > 4 * kept + 1000 {
            let cut = lines.count - 2 * kept
            lines = lines[..<cut].filter(\.isImportant) + lines[cut...]
        }
    }

    /// The transcript.
    var text: String {
        let cut = max(0, lines.count - kept)
        var shown = lines[..<cut].filter(\.isImportant).map { "\(Time.text($0.time))  \($0.text)" }
        if cut > 0 { shown.append("   … \(cut - shown.count) more lines") }
        return (shown + lines[cut...].map { "\(Time.text($0.time))  \($0.text)" }).joined(separator: "\n")
    }
}
