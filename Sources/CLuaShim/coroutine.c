// The coroutine library (Lua manual, 6.2), with one difference: when the engine suspends a handler (to wait, to let the loop run, to end it), the
// suspension passes through every coroutine of the policy, and so does what the engine answers.
#include "internal.h"

static lua_State *check_thread(lua_State *L) {
    lua_State *co = lua_tothread(L, 1);
    luaL_argexpected(L, co, 1, "thread");
    return co;
}

static const char *status_of(lua_State *L, lua_State *co) {
    if (L == co) return "running";
    if (apus_marks(co)) return "normal"; // the engine's business
    switch (lua_status(co)) {
    case LUA_YIELD: return "suspended";
    case LUA_OK: {
        lua_Debug record;
        if (lua_getstack(co, 0, &record)) return "normal";
        return lua_gettop(co) == 0 ? "dead" : "suspended";
    }
    default: return "dead";
    }
}

static int co_create(lua_State *L) {
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_State *co = lua_newthread(L);
    lua_pushvalue(L, 1);
    lua_xmove(L, co, 1);
    return 1;
}

/// Closes a coroutine's pending variables; the error, if any, is left on its stack. Answers lua_resetthread's status.
static int close_thread(lua_State *L, lua_State *co) {
    apus_lua *state = apus_of(L);
    if (state->closing >= APUS_MAX_CLOSING) return luaL_error(L, "coroutine.close: nested too deeply in __close");
    lua_State *outer = state->current;
    bool chain = state->chain;
    state->closing++;
    state->current = co;
    state->chain = false;
    int status = lua_resetthread(co); // protected: it does not jump
    state->current = outer;
    state->chain = chain;
    state->closing--;
    if (state->ended) apus_mark(co, APUS_MARK_WAITING);
    if (status != LUA_OK) apus_check_caught(L, status);
    return status;
}

// An error that leaves a coroutine made by wrap gets the position of the caller and ends that coroutine.
static int raise_wrapped(lua_State *L, lua_State *co) {
    int status = lua_status(co);
    if (status != LUA_OK && status != LUA_YIELD) {
        lua_xmove(L, co, 1); // the error is what closing starts from
        status = close_thread(L, co);
        lua_xmove(co, L, 1);
    }
    if (status != LUA_ERRMEM && lua_type(L, -1) == LUA_TSTRING) {
        luaL_where(L, 1);
        lua_insert(L, -2);
        lua_concat(L, 2);
    }
    return lua_error(L);
}

static int again(lua_State *L, int status, lua_KContext wrapped);

/// Resumes `co` with the values above `base`; what stays on the stack while it is suspended is below. Answers like the Lua function.
static int transfer(lua_State *L, lua_State *co, int base, bool wrapped, bool by_engine) {
    apus_lua *state = apus_of(L);
    int arguments = lua_gettop(L) - base, results = 0;
    const char *problem = NULL;
    if (by_engine) apus_unmark(co, APUS_MARK_WAITING);
    else if (apus_marks(co)) problem = "cannot resume non-suspended coroutine";
    if (!problem && !lua_checkstack(co, arguments + 1)) problem = "too many arguments to resume";
    int status = LUA_ERRRUN;
    if (problem) {
        lua_pushstring(L, problem);
    } else {
        lua_xmove(L, co, arguments);
        bool chain = state->chain;
        state->chain = apus_can_suspend(L);
        state->current = co;
        if (state->big_strings || state->big_blocks) apus_calm(co);
        status = lua_resume(co, L, arguments, &results);
        state->current = L;
        state->chain = chain;
        if (status == LUA_YIELD && state->yielding != APUS_NO_YIELD) {
            apus_mark(co, APUS_MARK_WAITING);
            lua_settop(L, base);
            return lua_yieldk(L, 0, wrapped, again);
        }
        if (state->ended) {
            apus_mark(co, APUS_MARK_WAITING); // it may have died in the hook, which leaves its hook off: nobody may close it
            return apus_stop(L);
        }
        if (status == LUA_ERRMEM) apus_check_caught(L, status);
        if (status == LUA_OK || status == LUA_YIELD) {
            if (lua_checkstack(L, results + 1)) {
                if (!wrapped) lua_pushboolean(L, 1);
                lua_xmove(co, L, results);
                return results + (wrapped ? 0 : 1);
            }
            lua_pop(co, results);
            lua_pushliteral(L, "too many results to resume");
            status = LUA_ERRRUN;
        } else {
            lua_xmove(co, L, 1);
        }
    }
    if (wrapped) return raise_wrapped(L, co);
    lua_pushboolean(L, 0);
    lua_insert(L, -2);
    return 2;
}

static int again(lua_State *L, int status, lua_KContext wrapped) {
    (void)status;
    if (wrapped) return transfer(L, lua_tothread(L, lua_upvalueindex(1)), 0, true, true);
    return transfer(L, lua_tothread(L, 1), 1, false, true);
}

static int co_resume(lua_State *L) { return transfer(L, check_thread(L), 1, false, false); }
static int wrapped_call(lua_State *L) { return transfer(L, lua_tothread(L, lua_upvalueindex(1)), 0, true, false); }

static int co_wrap(lua_State *L) {
    co_create(L);
    lua_pushcclosure(L, wrapped_call, 1);
    return 1;
}

static int co_yield(lua_State *L) {
    if (apus_marks(L) & APUS_MARK_HANDLER) return luaL_error(L, "coroutine.yield was called outside a coroutine of the policy");
    return lua_yield(L, lua_gettop(L));
}

static int co_status(lua_State *L) {
    lua_pushstring(L, status_of(L, check_thread(L)));
    return 1;
}

static int co_isyieldable(lua_State *L) {
    lua_State *co = lua_isthread(L, 1) ? lua_tothread(L, 1) : L;
    lua_pushboolean(L, lua_isyieldable(co) && !(apus_marks(co) & APUS_MARK_HANDLER));
    return 1;
}

static int co_running(lua_State *L) {
    bool is_main = lua_pushthread(L);
    lua_pushboolean(L, is_main || apus_marks(L) & APUS_MARK_HANDLER);
    return 2;
}

static int co_close(lua_State *L) {
    lua_State *co = check_thread(L);
    const char *status = status_of(L, co);
    if (*status != 'd' && *status != 's') return luaL_error(L, "cannot close a %s coroutine", status);
    if (close_thread(L, co) == LUA_OK) {
        lua_pushboolean(L, 1);
        return 1;
    }
    lua_pushboolean(L, 0);
    lua_xmove(co, L, 1);
    return 2;
}

void apus_open_coroutine(lua_State *L) {
    static const luaL_Reg functions[] = {
        {"create", co_create}, {"resume", co_resume}, {"running", co_running}, {"status", co_status}, {"wrap", co_wrap},
        {"yield", co_yield}, {"isyieldable", co_isyieldable}, {"close", co_close}, {NULL, NULL},
    };
    luaL_setfuncs(L, functions, 0);
}
