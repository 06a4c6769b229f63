import AsyncHTTPClient
import Client
import Cluster
import Delivery
import JSON
import NIOCore
import NIOHTTP1
import Resources

/// *Value*: what another member answered, or why it did not.
struct PeerAnswer: Sendable {
    /// The member that was asked.
    package let node: String
    /// What it said, or why it said nothing.
    package let result: Result<Explanation.Answer, NodeError>

    /// Asks another node; nil when it does not answer in time.
    @concurrent package static func ask(_ peer: MemberRecord, _ question: ExplainQuestion, by client: HTTPClient) async -> PeerAnswer {
        guard !peer.address.isEmpty else {
            return PeerAnswer(node: peer.node, result: .failure(NodeError("it has no HTTP listener")))
        }
        let value = QueryText.encoded(question.query.value)
        let request = HTTPClientRequest(url: "http://\(peer.address)/api/explain?\(question.query.key)=\(value)")
        do {
            let response = try await client.execute(request, timeout: .seconds(2))
            let body = try await response.body.collect(upTo: 1 << 20)
            guard response.status == .ok else {
                let line = String(buffer: body).split(separator: "\n").first.map { String($0.prefix(300)) } ?? ""
                return PeerAnswer(node: peer.node, result: .failure(NodeError("\(peer.address) answered \(response.status.code) \(line)")))
            }
            let explanation = try Explanation(json: try JSONValue(parsing: body))
            guard let answer = explanation.answers.first else { throw NodeError("the answer is empty") }
            return PeerAnswer(node: peer.node, result: .success(answer))
        } catch let error as NodeError {
            return PeerAnswer(node: peer.node, result: .failure(NodeError("\(peer.address): \(error.message)")))
        } catch is JSONFault {
            return PeerAnswer(node: peer.node, result: .failure(NodeError("\(peer.address) speaks another version's API")))
        } catch {
            return PeerAnswer(node: peer.node, result: .failure(NodeError("\(peer.address) does not answer within 2 s: \(error)")))
        }
    }
}
