// Lua's allocator: the limit on memory, and a record of what makes single instructions slow.
#include "internal.h"
#include <stdlib.h>

// ---- The set of large strings: a block's size is known when it is freed, its type is not.

static size_t slot_of(const apus_lua *state, const void *block) {
    return (size_t)(((uintptr_t)block >> 4) * UINT64_C(0x9E3779B97F4A7C15) >> 20) & (state->string_slots - 1);
}

static void put_string(apus_lua *state, void *block) {
    size_t i = slot_of(state, block);
    while (state->strings[i]) i = (i + 1) & (state->string_slots - 1);
    state->strings[i] = block;
}

static bool add_string(apus_lua *state, void *block) {
    if (state->string_count * 2 >= state->string_slots) {
        size_t old_slots = state->string_slots;
        void **old = state->strings, **grown = calloc(old_slots ? old_slots * 2 : 64, sizeof *grown);
        if (!grown) return false; // then the string counts as another block
        state->strings = grown;
        state->string_slots = old_slots ? old_slots * 2 : 64;
        for (size_t i = 0; i < old_slots; i++)
            if (old[i]) put_string(state, old[i]);
        free(old);
    }
    put_string(state, block);
    state->string_count++;
    return true;
}

static bool remove_string(apus_lua *state, const void *block) {
    if (!state->string_count) return false;
    size_t mask = state->string_slots - 1, i = slot_of(state, block);
    while (state->strings[i] != block) {
        if (!state->strings[i]) return false;
        i = (i + 1) & mask;
    }
    // Close the gap, so that no search stops short.
    for (size_t j = (i + 1) & mask; state->strings[j]; j = (j + 1) & mask) {
        size_t home = slot_of(state, state->strings[j]);
        if (((j - home) & mask) < ((j - i) & mask)) continue;
        state->strings[i] = state->strings[j];
        i = j;
    }
    state->strings[i] = NULL;
    state->string_count--;
    return true;
}

static void note_big(apus_lua *state, void *block, size_t size, bool is_string) {
    if (is_string && add_string(state, block)) state->big_strings += size;
    else state->big_blocks += size;
}

static void forget_big(apus_lua *state, const void *block, size_t size) {
    if (remove_string(state, block)) state->big_strings -= size;
    else state->big_blocks -= size;
}

static void note_refusal(apus_lua *state) {
    // Each refusal costs a full collection, so a handler that catches the error again and again must end.
    if (state->entered && ++state->refusals >= 4 && !state->ended) {
        state->ended = APUS_ENDED_BY_MEMORY;
        if (state->current) apus_arm(state->current);
    }
}

static void *refuse(apus_lua *state) {
    note_refusal(state);
    return NULL;
}

void apus_check_string(lua_State *L, size_t count) {
    apus_lua *state = apus_of(L);
    if (count <= state->limits.string_bytes) return;
    note_refusal(state);
    lua_pushliteral(L, "not enough memory"); // the very text makes it a memory error
    lua_error(L);
}

void *apus_allocate(void *context, void *block, size_t old_size, size_t new_size) {
    apus_lua *state = context;
    bool is_string = !block && old_size == LUA_TSTRING; // for a new block the old size is its type
    if (!block) old_size = 0;
    if (new_size == 0) {
        if (old_size >= APUS_BIG_BLOCK) forget_big(state, block, old_size);
        free(block);
        state->used -= old_size;
        return NULL;
    }
    // A shrinking block must succeed, so only growth is refused.
    if (new_size > old_size) {
        if (new_size - old_size > state->limits.memory - state->used) return refuse(state);
        if (new_size > state->limits.string_bytes && (is_string || new_size / 4 > state->limits.string_bytes)) return refuse(state);
        // Work that the count of instructions does not show: copying. The hook should run soon.
        state->volume += new_size;
        if (state->volume > 1 << 20 && state->current) {
            state->volume = 0;
            apus_arm(state->current);
        }
    }
    void *result = realloc(block, new_size);
    if (!result) return NULL;
    if (old_size >= APUS_BIG_BLOCK) state->big_blocks -= old_size; // strings never change their size
    if (new_size >= APUS_BIG_BLOCK) note_big(state, result, new_size, is_string);
    state->used = state->used - old_size + new_size;
    return result;
}
