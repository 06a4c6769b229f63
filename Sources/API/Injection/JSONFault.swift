import Delivery
import Foundation

/// *Value*: what is wrong with a field of a JSON body, in words for the caller; carried by a `DecodingError` to its `sentence`.
struct JSONFault: Error, Sendable {
    package let text: String

    /// The error of a field whose value cannot be used.
    package static func at(_ path: [any CodingKey], _ text: String) -> DecodingError {
        .dataCorrupted(.init(codingPath: path, debugDescription: text, underlyingError: JSONFault(text: text)))
    }

    /// The error of a field of a type that is none of several.
    static func wrongType(_ path: [any CodingKey], expected: String, found: String) -> DecodingError {
        let place = Self.text(of: path)
        let fault = "\(place.isEmpty ? "the body" : "the field '\(place)'") has the wrong type: it must be \(expected), not \(found)"
        return .dataCorrupted(.init(codingPath: [], debugDescription: fault, underlyingError: JSONFault(text: fault)))
    }

    /// `recipients[2].email`
    package static func text(of path: [any CodingKey]) -> String {
        var text = ""
        for key in path {
            if let index = key.intValue {
                text += "[\(index)]"
            } else {
                text += (text.isEmpty ? "" : ".") + String(key.stringValue.prefix(100)).flattened
            }
        }
        return text
    }
}

extension DecodingError {
    /// The fault in one sentence that names the field, what it must be and what it is.
    var sentence: String {
        switch self {
        case .keyNotFound(let key, let context):
            return "the field '\(JSONFault.text(of: context.codingPath + [key]))' is missing"
        case .typeMismatch(let type, let context):
            return Self.wrongType(type, context, found: Self.found(context.debugDescription))
        case .valueNotFound(let type, let context):
            return Self.wrongType(type, context, found: "null")
        case .dataCorrupted(let context):
            let place = JSONFault.text(of: context.codingPath)
            if let fault = context.underlyingError as? JSONFault { return place.isEmpty ? fault.text : "\(place): \(fault.text)" }
            guard place.isEmpty else {
                return "the field '\(place)' has a value that cannot be represented, such as a number that is too large"
            }
            // The parser says of some numbers only that it cannot hold them, and not where they are.
            guard !context.debugDescription.lowercased().contains("number") else { return "the body has a number that is too large" }
            return "the body is not valid JSON"
        @unknown default: return "the body is not the JSON this endpoint takes"
        }
    }

    private static func wrongType(_ type: Any.Type, _ context: Context, found: String?) -> String {
        let place = JSONFault.text(of: context.codingPath)
        let subject = place.isEmpty ? "the body" : "the field '\(place)'"
        return "\(subject) has the wrong type: it must be \(Self.words(type))" + (found.map { ", not \($0)" } ?? "")
    }

    /// A Swift type as JSON calls it.
    private static func words(_ type: Any.Type) -> String {
        switch type {
        case is String.Type: return "a string"
        case is Bool.Type: return "true or false"
        case is any BinaryInteger.Type: return "a whole number"
        case is any BinaryFloatingPoint.Type: return "a number"
        default:
            let name = String(describing: type)
            if name.hasPrefix("Dictionary<") { return "an object" }
            return name.hasPrefix("Array<") ? "an array" : "of another type"
        }
    }

    /// What the decoder met instead, in our words; `nil` when it does not say.
    private static func found(_ description: String) -> String? {
        guard let start = description.range(of: "but found ") else { return nil }
        let rest = description[start.upperBound...].lowercased()
        let kinds = [
            ("string", "a string"), ("number", "a number"), ("array", "an array"), ("dictionary", "an object"), ("bool", "a boolean"),
            ("null", "null"),
        ]
        return kinds.first { rest.contains($0.0) }?.1
    }
}

extension KeyedDecodingContainer {
    /// What kind of value a field has, as JSON calls it.
    package func kind(of key: Key) -> String {
        if (try? decodeNil(forKey: key)) == true { return "null" }
        if (try? decode(Bool.self, forKey: key)) != nil { return "a boolean" }
        if (try? decode(String.self, forKey: key)) != nil { return "a string" }
        if (try? decode(Double.self, forKey: key)) != nil { return "a number" }
        return (try? nestedUnkeyedContainer(forKey: key)) != nil ? "an array" : "an object"
    }
}
