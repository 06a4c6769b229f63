import Testing

/// Limits of several nodes over a real Redis. One test after the other: they measure time.
@Suite(.serialized) enum ClusterLimitTests {}

/// What becomes of limits when Redis goes, and when it comes back.
@Suite(.serialized) enum ClusterStoreTests {}

/// What else several nodes do through a real Redis.
@Suite(.serialized) enum ClusterControlTests {}
