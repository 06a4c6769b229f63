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
        .yieldable = apus_can_suspend(L), .thread = L,
    };
    apus_buffer_reset(&state->reply);
    int result = state->native(state->context, function, &call, &state->reply);
    // The Swift frame has returned: from here on Lua may jump.
    apus_should_pause(L, state, 64 + (int64_t)(state->arguments.count + state->reply.count) / 16);
    if (result < 0 && e.reference != LUA_NOREF) luaL_unref(L, LUA_REGISTRYINDEX, e.reference);
    switch (result) {
    case APUS_NATIVE_ERROR: return raise_reply(L, &state->reply);
    case APUS_NATIVE_REJECT:
        apus_decode(L, &state->reply, 1);
        lua_getfield(L, LUA_REGISTRYINDEX, "apus.rejection");
        lua_setmetatable(L, -2);
        return lua_error(L);
    case APUS_NATIVE_YIELD:
        state->yielding = APUS_YIELD_AWAIT;
        lua_settop(L, 0);
        return lua_yieldk(L, 0, 0, resumed);
    default: return apus_decode(L, &state->reply, result);
    }
}

// ---- The pool of coroutines

static lua_State *new_thread(lua_State *L, int slot) {
    luaL_getsubtable(L, LUA_REGISTRYINDEX, "apus.threads");
    lua_State *thread = lua_newthread(L);
    apus_mark(thread, APUS_MARK_HANDLER);
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
    state->slots[slot] = (apus_slot){.thread = new_thread(L, slot), .next_free = -2};
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
    apus_lua *state = e->state;
    // A coroutine that ran out of time or memory may be in any state (with hooks off, for one), so it is not used again, nor are its
    // to-be-closed variables closed.
    bool reusable = e->outcome == APUS_FAILED || e->outcome == APUS_REJECTED;
    if (reusable) {
        lua_State *thread = state->slots[e->slot].thread;
        state->current = thread;
        lua_resetthread(thread);
        state->current = L;
        lua_settop(thread, 0);
        reusable = !state->ended;
    }
    give_slot(L, state, e->slot, reusable);
    return 0;
}

// ---- Swift calls Lua

static void report_failure(lua_State *L, entry *e, lua_State *thread, int status) {
    apus_lua *state = e->state;
    if (status == LUA_ERRMEM) {
        e->outcome = APUS_OUT_OF_MEMORY;
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
    const char *text = luaL_tolstring(L, problem, &count); // may run __tostring of the policy
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
    int arguments = e->arguments ? apus_decode(L, &state->input, e->arguments) : 0;
    if (!lua_checkstack(thread, arguments + 8)) luaL_error(L, "not enough memory");
    lua_xmove(L, thread, arguments + (e->fresh ? 1 : 0));
    if (state->big_strings || state->big_blocks) apus_calm(thread);
    state->current = thread;
    state->chain = true;
    int results = 0;
    int status = lua_resume(thread, L, arguments, &results);
    state->current = L; // from here on nothing can be suspended
    state->chain = false;
    apus_buffer_reset(&state->output);
    if (state->ended) return 0; // `enter` says how
    if (status == LUA_YIELD) {
        if (state->yielding == APUS_NO_YIELD) luaL_error(L, "coroutine.yield was called outside a coroutine of the policy");
        e->outcome = state->yielding == APUS_YIELD_AWAIT ? APUS_SUSPENDED : APUS_PAUSED;
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
    give_slot(L, state, e->slot, true);
    e->slot = -1;
    return 0;
}

static void leave(apus_lua *state, entry *e) {
    if (e->slot < 0) return;
    if (e->outcome == APUS_SUSPENDED || e->outcome == APUS_PAUSED) {
        state->slots[e->slot].refusals = state->refusals;
        return;
    }
    // Pending to-be-closed variables run now, within what is left of the time. Output holds the outcome, so keep it.
    apus_buffer kept = state->output;
    state->output = (apus_buffer){0};
    apus_protect(state, reset_body, e); // if that fails the slot is lost, which only costs its memory
    free(state->output.bytes);
    state->output = kept;
    e->slot = -1;
}

static int enter(apus_lua *state, entry *e, apus_time time) {
    state->entered = true;
    state->ended = APUS_GOES_ON;
    state->ended_at[0] = 0;
    state->yielding = APUS_NO_YIELD;
    state->refusals = e->fresh ? 0 : state->slots[e->slot].refusals;
    state->steps = APUS_STEPS;
    state->budget = time.budget_ns > 0 ? time.budget_ns : 1;
    state->slice = time.slice_ns;
    state->hold = time.hold_ns;
    // The first entry of a handler reads only the cheap clock: most end within one slice.
    state->cpu_base = e->fresh ? 0 : apus_cpu();
    state->check_at = apus_now() + (time.slice_ns ? time.slice_ns : 1000000);
    e->outcome = APUS_DONE;
    int status = APUS_DONE;
    if (!e->fresh && time.budget_ns <= 0) { // many short runs used it up
        state->ended = APUS_ENDED_BY_TIME;
        apus_position(state->slots[e->slot].thread, 0, state->ended_at, sizeof state->ended_at);
    } else {
        status = apus_protect(state, enter_body, e);
    }
    state->current = state->L;
    state->chain = false;
    if (status != APUS_DONE) e->outcome = status;
    if (state->ended) { // whatever it returned or raised
        e->outcome = state->ended == APUS_ENDED_BY_MEMORY ? APUS_OUT_OF_MEMORY : APUS_TIMED_OUT;
        apus_buffer_reset(&state->output);
        apus_put_string(&state->output, state->ended_at, strlen(state->ended_at));
    }
    leave(state, e);
    if (e->outcome == APUS_OUT_OF_MEMORY) apus_memory(state, true);
    state->spent = state->cpu_base ? apus_cpu() - state->cpu_base : 0;
    state->current = NULL;
    state->entered = false;
    return e->outcome;
}

int apus_start(apus_lua *state, int reference, int arguments, apus_time time, int *slot) {
    entry e = {.state = state, .reference = reference, .slot = -1, .arguments = arguments, .fresh = true};
    int outcome = enter(state, &e, time);
    *slot = e.slot;
    return outcome;
}

int apus_resume(apus_lua *state, int slot, apus_time time) {
    entry e = {.state = state, .slot = slot, .arguments = 2, .fresh = false};
    return enter(state, &e, time);
}

int apus_continue(apus_lua *state, int slot, apus_time time) {
    entry e = {.state = state, .slot = slot, .arguments = 0, .fresh = false};
    return enter(state, &e, time);
}
