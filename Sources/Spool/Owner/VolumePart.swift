/// What is looked at to tell whether a spool directory is where it was. *value*.
enum VolumePart {
    /// The directory and `segments`.
    case all
    /// `segments` alone, where the messages are.
    case segments
}
