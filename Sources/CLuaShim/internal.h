#ifndef APUS_INTERNAL_H
#define APUS_INTERNAL_H

#include "CLuaShim.h"
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#define APUS_HOOK_COUNT 1000      // instructions between two looks at the clock while no value is large
#define APUS_STEPS 4096           // steps of a C loop between two looks at the clock
#define APUS_BIG_BLOCK (64 << 10) // blocks from here on make single instructions slow, so the hook comes more often
#define APUS_MAX_DEPTH 100
#define APUS_MAX_RESULTS 100000 // of table.unpack
#define APUS_MAX_CLOSING 8      // coroutine.close within __close; Lua 5.4.4 does not count these C frames itself

typedef struct {
    lua_State *thread;
    int next_free; // index of the next free slot, -1 at the end, -2 while in use
    int refusals;  // allocations refused before it was suspended
} apus_slot;

/// Why the coroutine of the handler, and every coroutine in between, is being suspended.
typedef enum { APUS_NO_YIELD, APUS_YIELD_AWAIT, APUS_YIELD_PAUSE, APUS_YIELD_END } apus_yield;

/// Why a handler must end. Sticky: whatever the policy catches, it can not go on.
typedef enum { APUS_GOES_ON, APUS_ENDED_BY_TIME, APUS_ENDED_BY_MEMORY } apus_end;

/// What a look at the clock says.
typedef enum { APUS_GO_ON, APUS_PAUSE, APUS_HOLDS_LOOP, APUS_OUT_OF_TIME } apus_verdict;

struct apus_lua {
    lua_State *L;
    apus_limits limits;
    size_t used;
    apus_native native;
    void *context;
    char *directory;
    apus_buffer input, output, arguments, reply;

    // One entry into Lua.
    bool entered;
    lua_State *current; // the coroutine whose code runs
    bool chain;         // from the handler's coroutine down to `current`, every one can be suspended
    apus_yield yielding;
    apus_end ended;
    char ended_at[160];
    int closing;                // depth of coroutine.close
    int64_t check_at;           // monotonic nanoseconds: before that the hook does nothing
    int64_t cpu_base;           // processor time of the thread at the start; 0 = not read yet
    int64_t budget, slice, hold; // processor nanoseconds; a slice of 0 never pauses
    int64_t spent;
    int64_t steps;

    // What the heap holds that makes single instructions slow.
    size_t volume;      // bytes allocated since the hook last ran
    size_t big_strings; // bytes
    size_t big_blocks;  // bytes: tables and stacks
    int refusals;       // allocations refused to this handler
    void **strings;     // open addressing; the blocks counted in `big_strings`
    size_t string_slots, string_count;

    apus_slot *slots;
    int slot_count, slot_capacity, first_free;
    const void *message_metatable, *connection_metatable, *rejection_metatable;
};

// The main thread's extra space is copied into every new thread, so this works in coroutines of the policy too. The low bits are marks.
#define APUS_MARK_HANDLER 1 // the coroutine of a handler: the policy may not resume or close it
#define APUS_MARK_WAITING 2 // suspended by the engine: only the engine may resume it

static inline apus_lua *apus_of(lua_State *L) { return (apus_lua *)(*(uintptr_t *)lua_getextraspace(L) & ~(uintptr_t)15); }
static inline unsigned apus_marks(lua_State *L) { return *(uintptr_t *)lua_getextraspace(L) & 15; }
static inline void apus_mark(lua_State *L, unsigned mark) { *(uintptr_t *)lua_getextraspace(L) |= mark; }
static inline void apus_unmark(lua_State *L, unsigned mark) { *(uintptr_t *)lua_getextraspace(L) &= ~(uintptr_t)mark; }

// limits.c
int64_t apus_now(void);
int64_t apus_cpu(void);
void apus_hook(lua_State *L, lua_Debug *record);
/// Makes the hook run at the next instruction of this coroutine.
void apus_arm(lua_State *L);
/// The hook of a coroutine that was not armed, for what the heap holds now.
void apus_calm(lua_State *L);
/// Whether a yield here arrives at the engine.
bool apus_can_suspend(lua_State *L);
/// Notes why and where the handler ends; the first reason counts.
void apus_note_end(lua_State *L, apus_end reason);
/// Ends the handler from a C function: does not return.
int apus_stop(lua_State *L);
/// For whoever catches an error: ends the handler, and does not return, if the error is one that nothing may catch.
void apus_check_caught(lua_State *L, int status);
bool apus_out_of_steps(lua_State *L, bool can_go_on);
/// Counts steps of a C loop that can not be suspended, and ends the handler that holds the event loop for too long, or runs too long.
static inline void apus_spend(lua_State *L, apus_lua *state, int64_t steps) {
    if ((state->steps -= steps) <= 0) apus_out_of_steps(L, false);
}
/// The same for work that is done, or that goes on later. True: the function should suspend itself (apus_pause) if it can; if not, the next
/// instruction does.
static inline bool apus_should_pause(lua_State *L, apus_lua *state, int64_t steps) {
    return (state->steps -= steps) <= 0 && apus_out_of_steps(L, true);
}
/// Suspends the handler until the engine continues it with `next`.
static inline int apus_pause(lua_State *L, lua_KContext context, lua_KFunction next) {
    apus_of(L)->yielding = APUS_YIELD_PAUSE;
    return lua_yieldk(L, 0, context, next);
}
size_t apus_position(lua_State *L, int level, char *out, size_t size);

// heap.c
/// Raises a memory error for a string that would be too large, before the work of making it.
void apus_check_string(lua_State *L, size_t count);
void *apus_allocate(void *context, void *block, size_t old_size, size_t new_size);

/// Runs `body` with `argument` (light userdata) in protected mode on the main thread; maps errors to outcomes and writes them to output.
int apus_protect(apus_lua *state, lua_CFunction body, void *argument);

/// Encodes the value at an absolute index; NULL when it worked, else the reason. May raise.
typedef struct {
    apus_lua *state;
    apus_buffer *buffer;
    const void *path[APUS_MAX_DEPTH];
    int depth;
    size_t nodes, start;
    bool functions;
    int reference;
} apus_encoder;
const char *apus_encode(lua_State *L, int index, apus_encoder *encoder);

/// Pushes `limit` values (or all if negative); answers how many. May raise.
int apus_decode(lua_State *L, const apus_buffer *buffer, int limit);
void apus_put_string(apus_buffer *buffer, const char *bytes, size_t count);

int apus_native_entry(lua_State *L);  // upvalues: function, flags, name
void apus_open_libraries(lua_State *L); // may raise
int apus_load_file(lua_State *L, const char *path, const char *chunk_name); // may raise; status like lua_load

// Libraries: each replaces functions in the table on top of the stack.
void apus_open_base(lua_State *L);
void apus_open_coroutine(lua_State *L);
void apus_open_string(lua_State *L);
void apus_open_table(lua_State *L);
int apus_sort(lua_State *L);
/// Raises unless the argument is a table, or has the metamethods that the function needs.
void apus_check_table(lua_State *L, int argument, int needs);
#define APUS_READS 1
#define APUS_WRITES 2
#define APUS_LENGTH 4
/// Puts a closure over the present value of the field in its place.
void apus_wrap(lua_State *L, const char *name, lua_CFunction function);
/// Goes on as the wrapped C function, which has no upvalues, with the arguments on the stack.
int apus_forward(lua_State *L);

#endif
