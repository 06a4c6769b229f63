#include "CChecksum.h"

#include <stdatomic.h>
#include <string.h>

// The table is built on first use. Two threads may both build it: they write the same values into
// their own copy first, and the flag is published only after the copy is complete.
static uint32_t table[8][256];
static _Atomic int table_state; // 0 nothing, 1 somebody builds, 2 ready

static void build_table(void) {
    int expected = 0;
    if (atomic_compare_exchange_strong(&table_state, &expected, 1)) {
        for (uint32_t i = 0; i < 256; i++) {
            uint32_t c = i;
            for (int k = 0; k < 8; k++) c = (c & 1) ? (c >> 1) ^ 0x82f63b78u : c >> 1;
            table[0][i] = c;
        }
        for (uint32_t i = 0; i < 256; i++)
            for (int t = 1; t < 8; t++) table[t][i] = (table[t - 1][i] >> 8) ^ table[0][table[t - 1][i] & 0xff];
        atomic_store_explicit(&table_state, 2, memory_order_release);
    } else {
        while (atomic_load_explicit(&table_state, memory_order_acquire) != 2) {}
    }
}

uint32_t apus_crc32c_table(uint32_t crc, const void *bytes, size_t length) {
    if (atomic_load_explicit(&table_state, memory_order_acquire) != 2) build_table();
    const uint8_t *p = bytes;
    uint32_t c = ~crc;
    while (length >= 8) {
        uint32_t low, high;
        memcpy(&low, p, 4);
        memcpy(&high, p + 4, 4);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        low = __builtin_bswap32(low);
        high = __builtin_bswap32(high);
#endif
        low ^= c;
        c = table[7][low & 0xff] ^ table[6][(low >> 8) & 0xff] ^ table[5][(low >> 16) & 0xff] ^ table[4][low >> 24] ^
            table[3][high & 0xff] ^ table[2][(high >> 8) & 0xff] ^ table[1][(high >> 16) & 0xff] ^ table[0][high >> 24];
        p += 8;
        length -= 8;
    }
    while (length--) c = table[0][(c ^ *p++) & 0xff] ^ (c >> 8);
    return ~c;
}

#if defined(__x86_64__)
#include <nmmintrin.h>

__attribute__((target("sse4.2"))) static uint32_t crc_instruction(uint32_t crc, const void *bytes, size_t length) {
    const uint8_t *p = bytes;
    uint64_t c = (uint32_t)~crc;
    while (length >= 32) {
        uint64_t a[4];
        memcpy(a, p, 32);
        c = _mm_crc32_u64(c, a[0]);
        c = _mm_crc32_u64(c, a[1]);
        c = _mm_crc32_u64(c, a[2]);
        c = _mm_crc32_u64(c, a[3]);
        p += 32;
        length -= 32;
    }
    while (length >= 8) {
        uint64_t a;
        memcpy(&a, p, 8);
        c = _mm_crc32_u64(c, a);
        p += 8;
        length -= 8;
    }
    uint32_t s = (uint32_t)c;
    while (length--) s = _mm_crc32_u8(s, *p++);
    return ~s;
}

static int has_instruction(void) {
    __builtin_cpu_init();
    return __builtin_cpu_supports("sse4.2") ? 1 : 0;
}
#elif defined(__aarch64__) && defined(__linux__)
#include <arm_acle.h>
#include <sys/auxv.h>
#ifndef HWCAP_CRC32
#define HWCAP_CRC32 (1 << 7)
#endif

__attribute__((target("crc"))) static uint32_t crc_instruction(uint32_t crc, const void *bytes, size_t length) {
    const uint8_t *p = bytes;
    uint32_t c = ~crc;
    while (length >= 8) {
        uint64_t a;
        memcpy(&a, p, 8);
        c = __builtin_arm_crc32cd(c, a);
        p += 8;
        length -= 8;
    }
    while (length--) c = __builtin_arm_crc32cb(c, *p++);
    return ~c;
}

static int has_instruction(void) { return (getauxval(AT_HWCAP) & HWCAP_CRC32) ? 1 : 0; }
#else
static uint32_t crc_instruction(uint32_t crc, const void *bytes, size_t length) {
    return apus_crc32c_table(crc, bytes, length);
}
static int has_instruction(void) { return 0; }
#endif

// -1 unknown, 0 table, 1 instruction. A race to find out stores the same answer twice.
static _Atomic int accelerated = -1;

int apus_crc32c_is_accelerated(void) {
    int state = atomic_load_explicit(&accelerated, memory_order_relaxed);
    if (state < 0) {
        state = has_instruction();
        atomic_store_explicit(&accelerated, state, memory_order_relaxed);
    }
    return state;
}

uint32_t apus_crc32c(uint32_t crc, const void *bytes, size_t length) {
    if (apus_crc32c_is_accelerated()) return crc_instruction(crc, bytes, length);
    return apus_crc32c_table(crc, bytes, length);
}
