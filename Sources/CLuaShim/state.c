// Opening, limits and the protected entry of one Lua state.
#include "internal.h"
#include <stdio.h>
#include <stdlib.h>

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
    if (!state->limits.string_bytes) state->limits.string_bytes = 32 << 20;
    state->directory = strdup(directory);
    state->L = state->directory ? lua_newstate(apus_allocate, state) : NULL;
    if (!state->L) {
        free(state->directory);
        free(state);
        return NULL;
    }
    lua_atpanic(state->L, panic);
    *(uintptr_t *)lua_getextraspace(state->L) = (uintptr_t)state;
    lua_sethook(state->L, apus_hook, LUA_MASKCOUNT, APUS_HOOK_COUNT); // inherited by every thread made later
    if (apus_protect(state, open_body, NULL) != APUS_DONE) {
        apus_close(state);
        return NULL;
    }
    return state;
}

void apus_close(apus_lua *state) {
    if (!state) return;
    state->entered = false;
    lua_close(state->L);
    free(state->strings);
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
