import Glibc
import Testing

@testable import Telemetry

@Suite struct DescriptorReserveTests {
    @Test func reservedDescriptorsAreGivenUpOneByOne() {
        let reserve = DescriptorReserve(count: 4)
        #expect(reserve.available == 4)
        var left = 2
        let descriptor = reserve.open {
            guard left > 0 else { return dup(2) }
            left -= 1
            errno = left == 0 ? ENFILE : EMFILE
            return -1
        }
        #expect(descriptor >= 0 && reserve.available == 2)
        close(descriptor)
        reserve.refill()
        #expect(reserve.available == 4)
    }

    @Test func otherFailuresAreTheCallers() {
        let reserve = DescriptorReserve(count: 2)
        let answer = reserve.open {
            errno = ENOENT
            return -1
        }
        #expect(answer == -1 && errno == ENOENT && reserve.available == 2)
    }

    @Test func anEmptyReserveFailsLikeTheCall() {
        let reserve = DescriptorReserve(count: 3)
        let answer = reserve.open {
            errno = EMFILE
            return -1
        }
        #expect(answer == -1 && errno == EMFILE && reserve.available == 0)
        reserve.refill()
        #expect(reserve.available == 3)
    }
}
