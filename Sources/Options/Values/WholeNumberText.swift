/// Whole numbers for people. *Value* (a namespace).
package enum WholeNumberText {
    /// A number with commas between thousands, such as `1,000,000`; four digits stay together.
    package static func grouped(_ number: Int) -> String {
        let digits = String(number.magnitude)
        guard digits.utf8.count > 4 else { return String(number) }
        var text = number < 0 ? "-" : ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index) % 3 == 0 { text += "," }
            text.append(digit)
        }
        return text
    }
}
