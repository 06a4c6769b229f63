import DNS

extension CIDRSet {
    /// The set of a list of networks that the option tables have checked already.
    package init(validated texts: [String]) { self.init(texts.compactMap { CIDR($0) }) }
}
