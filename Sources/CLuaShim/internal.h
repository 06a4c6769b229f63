#ifndef APUS_INTERNAL_H
#define APUS_INTERNAL_H

#include "CLuaShim.h"
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#define APUS_HOOK_COUNT 10000
#define APUS_MAX_DEPTH 100

typedef struct {
    lua_State *thread;
    int next_free; // index of the next free slot, -1 at the end, -2 while in use
} apus_slot;

struct apus_lua {
    lua_State *L;
    apus_limits limits;
    size_t used;
    apus_native native;
    void *context;
    char *directory;
    apus_buffer input, output, arguments, reply;

    lua_State *running; // the handler's coroutine while inside lua_resume
    bool awaiting;      // it yielded through a native function
    bool closing;       // to-be-closed variables of a failed coroutine run
    int64_t deadline;   // monotonic nanoseconds, 0 = none
    int64_t spent;
    bool timed_out;
    char timed_out_at[160];

    apus_slot *slots;
    int slot_count, slot_capacity, first_free;
    const void *message_metatable, *connection_metatable, *rejection_metatable;
};

// The main thread's extra space is copied into every new thread, so this works in coroutines of the policy too.
static inline apus_lua *apus_of(lua_State *L) { return *(apus_lua **)lua_getextraspace(L); }

int64_t apus_now(void);
void apus_hook(lua_State *L, lua_Debug *record);
size_t apus_position(lua_State *L, int level, char *out, size_t size);

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

#endif
