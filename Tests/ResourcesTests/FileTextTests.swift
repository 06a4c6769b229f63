import TestSupport
import Testing

@testable import Resources

@Suite struct FileTextTests {
    @Test func replacesWhole() throws {
        let folder = TestFolder()
        #expect(try FileText.read(folder.file("a")) == nil)
        try FileText.replace(folder.file("a"), with: "one")
        try FileText.replace(folder.file("a"), with: "")
        #expect(try FileText.read(folder.file("a")) == "")
        #expect(try FileText.read(folder.file("a.new")) == nil)
        #expect(throws: NodeError.self) { try FileText.replace(folder.file("missing/a"), with: "x") }
    }
}
