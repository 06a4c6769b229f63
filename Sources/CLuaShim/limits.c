// Limits of running time: the hook that lets the event loop breathe, and the end of a handler that nothing in the policy can catch.
//
// The hook runs every APUS_HOOK_COUNT instructions. After a slice of time it suspends the handler, through every coroutine of the policy in
// between, and the engine continues it in a later turn of its loop. Where Lua can not suspend (below a C function that calls back), the handler
// goes on for at most `hold`. Time is the thread's processor time, so a machine that was paused fails nobody.
#include "internal.h"
#include <stdio.h>
#include <time.h>

static int64_t clock_ns(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t apus_now(void) { return clock_ns(CLOCK_MONOTONIC); }
int64_t apus_cpu(void) { return clock_ns(CLOCK_THREAD_CPUTIME_ID); }

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

// A single instruction can copy, compare, hash or convert the largest string, and walk the largest table. So the more of that there is, the
// sooner the hook looks at the clock.
static int hook_count(const apus_lua *state) {
    size_t count = APUS_HOOK_COUNT / (1 + (state->big_blocks >> 20));
    if (count < 20) count = 20;
    count /= 1 + (state->big_strings >> 14);
    return count ? (int)count : 1;
}

void apus_arm(lua_State *L) { lua_sethook(L, apus_hook, LUA_MASKCOUNT, 1); }

void apus_calm(lua_State *L) {
    int count = hook_count(apus_of(L));
    if (lua_gethookcount(L) != count) lua_sethook(L, apus_hook, LUA_MASKCOUNT, count);
}

bool apus_can_suspend(lua_State *L) {
    apus_lua *state = apus_of(L);
    return state->chain && L == state->current && lua_isyieldable(L);
}

void apus_note_end(lua_State *L, apus_end reason) {
    apus_lua *state = apus_of(L);
    if (!state->ended) state->ended = reason;
    if (!state->ended_at[0]) apus_position(L, 0, state->ended_at, sizeof state->ended_at);
}

static apus_verdict look(apus_lua *state) {
    state->steps = APUS_STEPS;
    int64_t now = apus_now();
    if (now < state->check_at) return APUS_GO_ON;
    int64_t cpu = apus_cpu(), slice = state->slice ? state->slice : 1000000;
    // Most handlers end within their first slice, so the dearer clock is read only now, and what came before counts as one slice.
    if (!state->cpu_base) state->cpu_base = cpu - slice;
    int64_t used = cpu - state->cpu_base;
    if (used >= state->budget) return APUS_OUT_OF_TIME;
    if (state->slice) return used >= state->hold ? APUS_HOLDS_LOOP : APUS_PAUSE;
    state->check_at = now + slice;
    return APUS_GO_ON;
}

int apus_stop(lua_State *L) {
    apus_note_end(L, APUS_ENDED_BY_TIME);
    if (apus_can_suspend(L)) { // final: no pcall of the policy sees it
        apus_of(L)->yielding = APUS_YIELD_END;
        return lua_yield(L, 0);
    }
    // An error must do. A pcall may catch it, so each following instruction raises it again, until Lua is where it can be suspended.
    apus_arm(L);
    return luaL_error(L, "the handler ran longer than it may");
}

void apus_check_caught(lua_State *L, int status) {
    apus_lua *state = apus_of(L);
    if (!state->entered) return;
    if (status == LUA_ERRMEM) apus_note_end(L, APUS_ENDED_BY_MEMORY);
    if (state->ended) apus_stop(L);
}

bool apus_out_of_steps(lua_State *L, bool can_go_on) {
    apus_lua *state = apus_of(L);
    if (!state->entered) {
        state->steps = APUS_STEPS;
        return false;
    }
    apus_verdict verdict = state->ended ? APUS_OUT_OF_TIME : look(state);
    if (verdict == APUS_GO_ON) return false;
    if (verdict == APUS_OUT_OF_TIME || (verdict == APUS_HOLDS_LOOP && !can_go_on)) apus_stop(L);
    apus_arm(L);
    return apus_can_suspend(L);
}

void apus_hook(lua_State *L, lua_Debug *record) {
    (void)record;
    apus_lua *state = apus_of(L);
    if (!state->entered) return;
    state->volume = 0;
    apus_calm(L);
    apus_verdict verdict = state->ended ? APUS_OUT_OF_TIME : look(state);
    if (verdict == APUS_GO_ON) return;
    if (verdict != APUS_OUT_OF_TIME) {
        if (apus_can_suspend(L)) {
            state->yielding = APUS_YIELD_PAUSE;
            lua_yield(L, 0);
            return;
        }
        if (verdict == APUS_PAUSE) return;
    }
    apus_stop(L);
}
