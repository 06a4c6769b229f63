// The only door between Swift and Lua.
//
// Lua raises errors with longjmp, and a longjmp over a Swift frame is undefined behaviour. So no Swift code sees a lua_State: values cross in a
// byte format (below), every entry runs inside lua_pcall, and a Swift callback returns a status before the C side raises, yields or returns.
#ifndef CLUASHIM_H
#define CLUASHIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/// One Lua state with its limits. Confined to the thread of its owner.
typedef struct apus_lua apus_lua;

/// A growable byte buffer outside Lua's heap. `failed` stays set once memory ran out.
typedef struct {
    uint8_t *bytes;
    size_t count;
    size_t capacity;
    bool failed;
} apus_buffer;

bool apus_buffer_grow(apus_buffer *buffer, size_t extra);
/// Empties the buffer, and gives back the memory of an unusually large value.
void apus_buffer_reset(apus_buffer *buffer);

static inline void apus_buffer_put(apus_buffer *buffer, const void *bytes, size_t count) {
    if (count == 0 || (buffer->capacity - buffer->count < count && !apus_buffer_grow(buffer, count))) return;
    memcpy(buffer->bytes + buffer->count, bytes, count);
    buffer->count += count;
}
static inline void apus_buffer_put8(apus_buffer *buffer, uint8_t value) { apus_buffer_put(buffer, &value, 1); }
static inline void apus_buffer_put32(apus_buffer *buffer, uint32_t value) { apus_buffer_put(buffer, &value, 4); }
static inline void apus_buffer_put64(apus_buffer *buffer, uint64_t value) { apus_buffer_put(buffer, &value, 8); }

// The value format: one tag byte, then host-endian data.
#define APUS_TAG_NIL 0
#define APUS_TAG_FALSE 1
#define APUS_TAG_TRUE 2
#define APUS_TAG_INTEGER 3    // i64
#define APUS_TAG_NUMBER 4     // f64
#define APUS_TAG_STRING 5     // u32 length, bytes
#define APUS_TAG_LIST 6       // u32 count, values
#define APUS_TAG_TABLE 7      // u32 count, then a string without its tag (u32 length, bytes) and a value each
#define APUS_TAG_KIND 8       // a string without its tag (the kind), then a table value
#define APUS_TAG_MESSAGE 9    // u64 identifier
#define APUS_TAG_CONNECTION 10 // u64 identifier
#define APUS_TAG_FUNCTION 11  // u32 registry reference

// What a native callback answers: a number of values written to the reply, or one of these.
#define APUS_NATIVE_ERROR (-1)  // the reply's bytes are the error text
#define APUS_NATIVE_REJECT (-2) // the reply holds one table value: the rejection
#define APUS_NATIVE_YIELD (-3)  // suspend the coroutine until apus_resume

// How arguments of a native function are converted.
#define APUS_FLAG_FUNCTIONS 1 // a function becomes a registry reference
#define APUS_FLAG_TEXT 2      // everything but plain tables becomes text
#define APUS_FLAG_KEY 4       // an __index metamethod: only the key is passed

/// What a native callback is given. The argument bytes are valid until the callback returns or enters Lua again.
typedef struct {
    const uint8_t *bytes;
    size_t count;
    int arguments;
    bool yieldable;
    void *thread;
} apus_native_call;

typedef int (*apus_native)(void *context, int function, const apus_native_call *call, apus_buffer *reply);

/// Writes "file:line" of the Lua code that made the call; never raises. Returns the length.
size_t apus_where(const apus_native_call *call, char *out, size_t size);

// How an entry into Lua ended.
#define APUS_DONE 0          // output: one value
#define APUS_SUSPENDED 1
#define APUS_FAILED 2        // output: message string, traceback string
#define APUS_REJECTED 3      // output: one table value
#define APUS_TIMED_OUT 4     // output: "file:line" string
#define APUS_OUT_OF_MEMORY 5
#define APUS_PAUSED 6        // ran for a slice; continue it with apus_continue once others had their turn

typedef struct {
    size_t memory;        // bytes of Lua heap
    size_t string_bytes;  // of one string; 0 = 32 MiB. Another block may have four times as many
    size_t value_bytes;   // of one conversion
    size_t value_nodes;   // idem
    int value_depth;      // at most 100
    int threads;          // coroutines of handlers, running or suspended
} apus_limits;

/// Opens a state with the restricted standard library. `directory` is where `require` looks. NULL when there is no memory for it.
apus_lua *apus_open(apus_limits limits, const char *directory, apus_native native, void *context);
void apus_close(apus_lua *state);

// Setup. Each answers APUS_DONE, APUS_FAILED or APUS_OUT_OF_MEMORY. A path is dotted from a global; `message` and `connection` are the method tables.
int apus_register(apus_lua *state, const char *path, int function, int flags);
int apus_set_string(apus_lua *state, const char *path, const char *value);
/// Reading a missing name from the table at `path` calls `function` with the name.
int apus_seal(apus_lua *state, const char *path, int function);
/// `require(name)` yields the global of that name.
int apus_provide(apus_lua *state, const char *name);

/// Compiles a file (source text only) and answers a reference to it.
int apus_load(apus_lua *state, const char *path, const char *chunk_name, int *reference);

apus_buffer *apus_input(apus_lua *state);
apus_buffer *apus_output(apus_lua *state);

/// How long an entry may run, in nanoseconds of processor time.
typedef struct {
    int64_t budget_ns; // then the handler ends
    int64_t slice_ns;  // then it pauses; 0 while the policy loads: never
    int64_t hold_ns;   // where it can not pause, it ends after this long; unused without a slice
} apus_time;

/// Calls the referenced function with `arguments` values from the input buffer, in a coroutine of the pool.
int apus_start(apus_lua *state, int reference, int arguments, apus_time time, int *slot);
/// Continues a suspended coroutine: input holds a boolean (success) and the value or the error text.
int apus_resume(apus_lua *state, int slot, apus_time time);
/// Continues a paused coroutine.
int apus_continue(apus_lua *state, int slot, apus_time time);
/// Running time of the last entry; 0 for a start that ended within its first slice.
int64_t apus_spent_ns(const apus_lua *state);
/// Bytes of the Lua heap now; `collect` runs a full collection first.
size_t apus_memory(apus_lua *state, bool collect);

#endif
