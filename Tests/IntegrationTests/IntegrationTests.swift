import Testing

/// The real `apus` as a process of its own, on loopback and free ports: what a unit test cannot show.
///
/// One test after the other: they measure time and memory, and the machine may be small.
@Suite(.serialized, .blocking) enum IntegrationTests {}
