/// The control files of a directory whose node may be down. *Value* (a namespace).
package enum ControlCheck {
    /// What is wrong with them, as `(file, what)`; nothing is changed.
    package static func damages(directory: String, mustExist: Bool) -> [(file: String, what: String)] {
        do throws(ControlError) {
            let choice = try ControlChoice(
                state: try ControlReading.load(directory + "/control.state"), copy: try ControlReading.load(directory + "/control.copy"),
                directory: directory, mustExist: mustExist)
            return choice.damages
        } catch { return [("control.state", error.message)] }
    }

    /// Gives all rules up that only this node had: begins both files anew. What was there is kept in `corrupt/`.
    package static func forget(directory: String) throws(ControlError) {
        var file = try ControlFile(directory: directory)
        file.setAsideAll()
        try file.rewrite(ControlTable().content)
    }
}
