// Opening, limits and the protected entry of one Lua state.
#include "internal.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

bool apus_buffer_grow(apus_buffer *buffer, size_t extra) {
    if (buffer->failed) return false;
    size_t wanted = buffer->count + extra;
    size_t capacity = buffer->capacity ? buffer->capacity : 256;
    while (capacity < wanted) capacity *= 2;
    uint8_t *bytes = realloc(buffer->bytes, capacity);
    if (!bytes) {
        buffer->failed = true;
        return false;
    }
    buffer->bytes = bytes;
    buffer->capacity = capacity;
    return true;
}

void apus_buffer_reset(apus_buffer *buffer) {
    if (buffer->capacity > 1 << 20) {
        free(buffer->bytes);
        *buffer = (apus_buffer){0};
    }
    buffer->count = 0;
    buffer->failed = false;
}

void apus_put_string(apus_buffer *buffer, const char *bytes, size_t count) {
    apus_buffer_put8(buffer, APUS_TAG_STRING);
    apus_buffer_put32(buffer, (uint32_t)count);
    apus_buffer_put(buffer, bytes, count);
}

int64_t apus_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void *allocate(void *context, void *block, size_t old_size, size_t new_size) {
    apus_lua *state = context;
    if (!block) old_size = 0; // then old_size is a type hint
    if (new_size == 0) {
        free(block);
        state->used -= old_size;
        return NULL;
    }
    // A shrinking block must succeed, so only growth is refused.
    if (new_size > old_size && new_size - old_size > state->limits.memory - state->used) return NULL;
    void *result = realloc(block, new_size);
    if (result) state->used = state->used - old_size + new_size;
    return result;
}

size_t apus_position(lua_State *L, int level, char *out, size_t size) {
    lua_Debug record;
    // Only "S" and "l": they neither allocate nor raise.
    for (; level < 24 && lua_getstack(L, level, &record); level++) {
        lua_getinfo(L, "Sl", &record);
        if (record.currentline > 0) {
            int n = snprintf(out, size, "%s:%d", record.short_src, record.currentline);
            return n < 0 ? 0 : (size_t)n < size ? (size_t)n : size - 1;
        }
    }
    if (size) out[0] = 0;
    return 0;
}

size_t apus_where(const apus_native_call *call, char *out, size_t size) {
    return apus_position(call->thread, 1, out, size);
}

void apus_hook(lua_State *L, lua_Debug *record) {
    (void)record;
    apus_lua *state = apus_of(L);
    if (state->deadline == 0 || apus_now() < state->deadline) return;
    if (!state->timed_out) {
        state->timed_out = true;
        apus_position(L, 0, state->timed_out_at, sizeof state->timed_out_at);
    }
    // A yield out of the hook is final: no pcall of the policy sees it. (In a coroutine of the policy it ends that one's turn; the handler's own
    // hook fires next.) Where Lua can not yield, an error must do: a pcall may catch it, so each following instruction raises it again.
    if (lua_isyieldable(L) && !state->closing) {
        lua_yield(L, 0);
        return;
    }
    lua_sethook(L, apus_hook, LUA_MASKCOUNT, 1);
    luaL_error(L, "the handler ran longer than it may");
}

static int panic(lua_State *L) {
    const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "no message";
    fprintf(stderr, "Lua error outside a protected call: %s\n", text);
    return 0; // Lua aborts
}

int apus_protect(apus_lua *state, lua_CFunction body, void *argument) {
    lua_State *L = state->L;
    int top = lua_gettop(L);
    if (!lua_checkstack(L, 8)) return APUS_OUT_OF_MEMORY;
    lua_pushcfunction(L, body); // light: no allocation, so neither push can raise
    lua_pushlightuserdata(L, argument);
    int status = lua_pcall(L, 1, 0, 0);
    if (status == LUA_OK) return APUS_DONE;
    apus_buffer_reset(&state->output);
    size_t count = 0;
    const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &count) : NULL;
    if (text) apus_put_string(&state->output, text, count);
    else apus_put_string(&state->output, "unknown error", 13);
    apus_put_string(&state->output, "", 0);
    lua_settop(L, top);
    return status == LUA_ERRMEM ? APUS_OUT_OF_MEMORY : APUS_FAILED;
}

static int open_body(lua_State *L) {
    apus_open_libraries(L);
    return 0;
}

apus_lua *apus_open(apus_limits limits, const char *directory, apus_native native, void *context) {
    apus_lua *state = calloc(1, sizeof *state);
    if (!state) return NULL;
    state->limits = limits;
    if (state->limits.value_depth > APUS_MAX_DEPTH) state->limits.value_depth = APUS_MAX_DEPTH;
    state->native = native;
    state->context = context;
    state->first_free = -1;
    state->directory = strdup(directory);
    state->L = state->directory ? lua_newstate(allocate, state) : NULL;
    if (!state->L) {
        free(state->directory);
        free(state);
        return NULL;
    }
    lua_atpanic(state->L, panic);
    *(apus_lua **)lua_getextraspace(state->L) = state;
    lua_sethook(state->L, apus_hook, LUA_MASKCOUNT, APUS_HOOK_COUNT); // inherited by every thread made later
    if (apus_protect(state, open_body, NULL) != APUS_DONE) {
        apus_close(state);
        return NULL;
    }
    return state;
}

void apus_close(apus_lua *state) {
    if (!state) return;
    state->deadline = 0;
    lua_close(state->L);
    free(state->slots);
    free(state->directory);
    free(state->input.bytes);
    free(state->output.bytes);
    free(state->arguments.bytes);
    free(state->reply.bytes);
    free(state);
}

apus_buffer *apus_input(apus_lua *state) { return &state->input; }
apus_buffer *apus_output(apus_lua *state) { return &state->output; }
int64_t apus_spent_ns(const apus_lua *state) { return state->spent; }

static int collect_body(lua_State *L) {
    lua_gc(L, LUA_GCCOLLECT);
    return 0;
}

size_t apus_memory(apus_lua *state, bool collect) {
    if (collect) apus_protect(state, collect_body, NULL);
    return state->used;
}
