#ifndef APUS_CCHECKSUM_H
#define APUS_CCHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/// CRC32C (Castagnoli, RFC 3720 appendix B.4) of `length` bytes, continuing from `crc` (0 to start).
/// Uses the SSE4.2 or ARMv8 instruction when the processor has it, a table otherwise.
uint32_t apus_crc32c(uint32_t crc, const void *bytes, size_t length);

/// The portable implementation, visible so that tests can compare the two.
uint32_t apus_crc32c_table(uint32_t crc, const void *bytes, size_t length);

/// 1 when the processor's own instruction is in use.
int apus_crc32c_is_accelerated(void);

#endif
