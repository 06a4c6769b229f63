// Calls in both directions: handlers in pooled coroutines, and native functions called by Lua.
#include "internal.h"
#include <stdlib.h>

#define IDLE_THREADS 64

// ---- Lua calls Swift

static int raise_reply(lua_State *L, const apus_buffer *reply) {
    char position[128];
    size_t count = apus_position(L, 1, position, sizeof position);
    luaL_checkstack(L, 4, NULL);
    lua_pushlstring(L, position, count);
    lua_pushstring(L, count ? ": " : "");
    lua_pushlstring(L, (const char *)reply->bytes, reply->count);
    lua_concat(L, 3);
    return lua_error(L);
}

static int resumed(lua_State *L, int status, lua_KContext context) {
    (void)status;
    (void)context;
    if (lua_toboolean(L, 1)) return lua_gettop(L) - 1;
    char position[128];
    size_t count = apus_position(L, 1, position, sizeof position);
    lua_pushlstring(L, position, count);
    lua_pushstring(L, count ? ": " : "");
    lua_pushvalue(L, 2);
    lua_concat(L, 3);
    return lua_error(L);
}

int apus_native_entry(lua_State *L) {
    apus_lua *state = apus_of(L);
    int function = (int)lua_tointeger(L, lua_upvalueindex(1));
    int flags = (int)lua_tointeger(L, lua_upvalueindex(2));
    int arguments = lua_gettop(L);
    apus_buffer_reset(&state->arguments);
    apus_encoder e = {.state = state, .buffer = &state->arguments, .functions = flags & APUS_FLAG_FUNCTIONS, .reference = LUA_NOREF};
    if (flags & APUS_FLAG_KEY) {
        lua_settop(L, 2);
        arguments = 1;
        if (lua_type(L, 2) != LUA_TSTRING) {
            lua_pushnil(L);
            return 1;
        }
        apus_encode(L, 2, &e);
    } else {
        for (int i = 1; i <= arguments; i++) {
            if (flags & APUS_FLAG_TEXT && !(lua_type(L, i) == LUA_TTABLE && luaL_getmetafield(L, i, "__tostring") == LUA_TNIL)) {
                lua_settop(L, arguments);
                luaL_tolstring(L, i, NULL);
                lua_replace(L, i);
            }
            lua_settop(L, arguments);
            const char *problem = apus_encode(L, i, &e);
            if (problem) {
                if (e.reference != LUA_NOREF) luaL_unref(L, LUA_REGISTRYINDEX, e.reference);
                luaL_where(L, 1);
                lua_pushfstring(L, "%s: argument %d: %s can not be used here", lua_tostring(L, lua_upvalueindex(3)), i, problem);
                lua_concat(L, 2);
                return lua_error(L);
            }
        }
    }
    apus_native_call call = {
        .bytes = state->arguments.bytes, .count = state->arguments.count, .arguments = arguments,
        .yieldable = L == state->running && lua_isyieldable(L), .thread = L,
    };
    apus_buffer_reset(&state->reply);
    int result = state->native(state->context, function, &call, &state->reply);
    // The Swift frame has returned: from here on Lua may jump.
    if (result < 0 && e.reference != LUA_NOREF) luaL_unref(L, LUA_REGISTRYINDEX, e.reference);
    switch (result) {
    case APUS_NATIVE_ERROR: return raise_reply(L, &state->reply);
    case APUS_NATIVE_REJECT:
        apus_decode(L, &state->reply, 1);
        lua_getfield(L, LUA_REGISTRYINDEX, "apus.rejection");
        lua_setmetatable(L, -2);
        return lua_error(L);
    case APUS_NATIVE_YIELD:
        state->awaiting = true;
        lua_settop(L, 0);
        return lua_yieldk(L, 0, 0, resumed);
    default: return apus_decode(L, &state->reply, result);
    }
}

// ---- The pool of coroutines

static lua_State *new_thread(lua_State *L, int slot) {
    luaL_getsubtable(L, LUA_REGISTRYINDEX, "apus.threads");
    lua_State *thread = lua_newthread(L);
    lua_rawseti(L, -2, slot + 1);
    lua_pop(L, 1);
    return thread;
}

// Whatever raises does so before the slot leaves the free list.
static int take_slot(lua_State *L, apus_lua *state) {
    int slot = state->first_free;
    if (slot >= 0) {
        if (!state->slots[slot].thread) state->slots[slot].thread = new_thread(L, slot);
        state->first_free = state->slots[slot].next_free;
        state->slots[slot].next_free = -2;
        return slot;
    }
    slot = state->slot_count;
    if (slot >= state->limits.threads) luaL_error(L, "too many handlers wait at the same time (limit %d)", state->limits.threads);
    if (slot == state->slot_capacity) {
        int capacity = slot ? slot * 2 : 8;
        apus_slot *slots = realloc(state->slots, (size_t)capacity * sizeof *slots);
        if (!slots) luaL_error(L, "not enough memory");
        state->slots = slots;
        state->slot_capacity = capacity;
    }
    state->slots[slot] = (apus_slot){new_thread(L, slot), -2};
    state->slot_count++;
    return slot;
}

static void give_slot(lua_State *L, apus_lua *state, int slot, bool reusable) {
    state->slots[slot].next_free = state->first_free;
    state->first_free = slot;
    if (!reusable || slot >= IDLE_THREADS) { // a burst's threads go back to the collector
        luaL_getsubtable(L, LUA_REGISTRYINDEX, "apus.threads");
        lua_pushboolean(L, 0); // the key stays, so this needs no memory
        lua_rawseti(L, -2, slot + 1);
        lua_pop(L, 1);
        state->slots[slot].thread = NULL;
    }
}

typedef struct {
    apus_lua *state;
    int reference, slot, arguments, outcome;
    bool fresh;
} entry;

static int reset_body(lua_State *L) {
    entry *e = lua_touserdata(L, 1);
    // A coroutine that ran out of time or memory may be in any state (with hooks off, for one), so it is not used again, nor are its
    // to-be-closed variables closed.
    bool reusable = e->outcome == APUS_FAILED || e->outcome == APUS_REJECTED;
    if (reusable) {
        lua_State *thread = e->state->slots[e->slot].thread;
        e->state->closing = true;
        lua_resetthread(thread);
        e->state->closing = false;
        lua_settop(thread, 0);
        reusable = !e->state->timed_out;
    }
    give_slot(L, e->state, e->slot, reusable);
    return 0;
}

// ---- Swift calls Lua

static void report_failure(lua_State *L, entry *e, lua_State *thread, int status) {
    apus_lua *state = e->state;
    if (status == LUA_ERRMEM) {
        e->outcome = APUS_OUT_OF_MEMORY;
        return;
    }
    if (state->timed_out) {
        apus_put_string(&state->output, state->timed_out_at, strlen(state->timed_out_at));
        e->outcome = APUS_TIMED_OUT;
        return;
    }
    int problem = lua_gettop(L);
    if (lua_getmetatable(L, problem)) {
        bool rejection = lua_topointer(L, -1) == state->rejection_metatable;
        lua_pop(L, 1);
        if (rejection) {
            apus_encoder encoder = {.state = state, .buffer = &state->output, .reference = LUA_NOREF};
            if (!apus_encode(L, problem, &encoder)) {
                e->outcome = APUS_REJECTED;
                return;
            }
            apus_buffer_reset(&state->output);
        }
    }
    size_t count;
    const char *text = luaL_tolstring(L, problem, &count);
    apus_put_string(&state->output, text, count);
    luaL_traceback(L, thread, NULL, 0);
    text = lua_tolstring(L, -1, &count);
    apus_put_string(&state->output, text, count);
    e->outcome = APUS_FAILED;
}

static int enter_body(lua_State *L) {
    entry *e = lua_touserdata(L, 1);
    apus_lua *state = e->state;
    if (e->fresh) {
        e->slot = take_slot(L, state);
        lua_rawgeti(L, LUA_REGISTRYINDEX, e->reference);
    }
    lua_State *thread = state->slots[e->slot].thread;
    int arguments = apus_decode(L, &state->input, e->arguments);
    if (!lua_checkstack(thread, arguments + 8)) luaL_error(L, "not enough memory");
    lua_xmove(L, thread, arguments + (e->fresh ? 1 : 0));
    state->running = thread;
    state->awaiting = false;
    int results = 0;
    int status = lua_resume(thread, L, arguments, &results);
    state->running = NULL;
    apus_buffer_reset(&state->output);
    if (status == LUA_YIELD) {
        if (state->awaiting) {
            e->outcome = APUS_SUSPENDED;
            return 0;
        }
        if (state->timed_out) {
            apus_put_string(&state->output, state->timed_out_at, strlen(state->timed_out_at));
            e->outcome = APUS_TIMED_OUT;
            return 0;
        }
        static const char text[] = "coroutine.yield was called outside a coroutine of the policy";
        apus_put_string(&state->output, text, sizeof text - 1);
        apus_put_string(&state->output, "", 0);
        e->outcome = APUS_FAILED;
        return 0;
    }
    if (status != LUA_OK) {
        lua_xmove(thread, L, 1);
        report_failure(L, e, thread, status);
        return 0;
    }
    if (results == 0) {
        apus_buffer_put8(&state->output, APUS_TAG_NIL);
    } else {
        lua_settop(thread, -results); // keep the first result
        lua_xmove(thread, L, 1);
        apus_encoder encoder = {.state = state, .buffer = &state->output, .reference = LUA_NOREF};
        const char *problem = apus_encode(L, lua_gettop(L), &encoder);
        if (problem) luaL_error(L, "the handler returned %s, which can not be used here", problem);
    }
    lua_settop(thread, 0);
    // A coroutine that returned is as good as new; lua_resetthread (which reallocates its stack) is only for those that did not.
    if (state->timed_out) lua_sethook(thread, apus_hook, LUA_MASKCOUNT, APUS_HOOK_COUNT);
    give_slot(L, state, e->slot, true);
    e->slot = -1;
    return 0;
}

static int enter(apus_lua *state, entry *e, int64_t budget_ns) {
    int64_t start = apus_now();
    state->timed_out = false;
    state->deadline = start + (budget_ns > 0 ? budget_ns : 1);
    if (!e->fresh && budget_ns <= 0) lua_sethook(state->slots[e->slot].thread, apus_hook, LUA_MASKCOUNT, 1);
    e->outcome = APUS_DONE;
    int status = apus_protect(state, enter_body, e);
    state->running = NULL;
    state->spent = apus_now() - start;
    if (status != APUS_DONE) e->outcome = status;
    if (e->outcome != APUS_SUSPENDED && e->slot >= 0) {
        // Pending to-be-closed variables run now, within what is left of the time. Output holds the outcome, so keep it.
        apus_buffer kept = state->output;
        state->output = (apus_buffer){0};
        state->running = NULL;
        if (apus_protect(state, reset_body, e) != APUS_DONE) state->closing = false; // then the slot is lost, which only costs its memory
        free(state->output.bytes);
        state->output = kept;
        e->slot = -1;
    }
    if (e->outcome == APUS_OUT_OF_MEMORY) apus_memory(state, true);
    state->deadline = 0;
    return e->outcome;
}

int apus_start(apus_lua *state, int reference, int arguments, int64_t budget_ns, int *slot) {
    entry e = {.state = state, .reference = reference, .slot = -1, .arguments = arguments, .fresh = true};
    int outcome = enter(state, &e, budget_ns);
    *slot = e.slot;
    return outcome;
}

int apus_resume(apus_lua *state, int slot, int64_t budget_ns) {
    entry e = {.state = state, .slot = slot, .arguments = 2, .fresh = false};
    return enter(state, &e, budget_ns);
}
