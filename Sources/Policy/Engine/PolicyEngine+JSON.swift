import Glibc
import JSON
import Options
import Shaping

extension PolicyEngine {
    private static let maximumFileBytes = 16 << 20

    func encodeJSON(pretty: Bool, _ arguments: inout NativeArguments, _ writer: ValueWriter) throws(NativeFailure) {
        let name = pretty ? "kumo.json_encode_pretty" : "kumo.json_encode"
        let value = try arguments.value(name)
        do throws(JSONFault) { writer.bytes(try value.json(pretty: pretty)) } catch {
            throw .error("\(name): \(error.message)")
        }
    }

    func parseJSON(_ text: String, _ name: String) throws(NativeFailure) -> ConfigValue {
        // Parsing can not pause.
        let limit = phase == .serving ? limits.jsonBytes : Self.maximumFileBytes
        guard text.utf8.count <= limit else {
            throw .error("\(name): the text is larger than \(limit >> 10) KiB; read it at the top level of the policy file, or in parts")
        }
        do throws(JSONFault) { return try ConfigValue(parsing: text) } catch {
            throw .error("\(name): \(error.message)" + (error.place.map { " at byte \($0.offset)" } ?? ""))
        }
    }

    /// `kumo.json_load(path)`: a regular file of bounded size, so the loop is not held for long.
    func loadJSON(_ arguments: inout NativeArguments, _ writer: ValueWriter) throws(NativeFailure) {
        let path = try arguments.string("kumo.json_load", "the path")
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw .error("kumo.json_load: \(path): \(String(cString: strerror(errno)))") }
        defer { _ = Glibc.close(descriptor) }
        var info = stat()
        guard fstat(descriptor, &info) == 0, info.st_mode & S_IFMT == S_IFREG else {
            throw .error("kumo.json_load: \(path): not a regular file")
        }
        guard info.st_size <= Self.maximumFileBytes else {
            throw .error("kumo.json_load: \(path): larger than \(Self.maximumFileBytes >> 20) MiB")
        }
        let size = Int(info.st_size)
        let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            while count < size {
                let n = read(descriptor, buffer.baseAddress! + count, size - count)
                if n <= 0 { break }
                count += n
            }
        }
        writer.config(try parseJSON(String(decoding: bytes, as: UTF8.self), "kumo.json_load"))
    }
}
