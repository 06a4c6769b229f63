// Functions of the basic library that could otherwise run on beyond the limits, or catch them.
#include "internal.h"

#define LOAD_BYTES (16u << 20)         // of a text while the policy loads
#define LOAD_HANDLER_BYTES (64u << 10) // in handlers: the compiler can not be suspended

// The same frame, so that errors name the function and the caller's line.
int apus_forward(lua_State *L) { return lua_tocfunction(L, lua_upvalueindex(1))(L); }

void apus_wrap(lua_State *L, const char *name, lua_CFunction function) {
    lua_getfield(L, -1, name);
    lua_pushcclosure(L, function, 1);
    lua_setfield(L, -2, name);
}

static size_t load_limit(lua_State *L) { return apus_of(L)->slice ? LOAD_HANDLER_BYTES : LOAD_BYTES; }

static int load_too_large(lua_State *L) {
    return luaL_error(L, "load: the text is larger than %d KiB; load it at the top level of the policy file, where %d KiB are allowed, and keep the function",
        (int)(load_limit(L) >> 10), (int)(LOAD_BYTES >> 10));
}

/// Answers all that the reader function answers, as one string.
static int read_pieces(lua_State *L) {
    luaL_Buffer text;
    luaL_buffinit(L, &text);
    for (;;) {
        // The buffer may keep a value on the stack, so calls are balanced.
        lua_pushvalue(L, 1);
        lua_call(L, 0, 1);
        size_t count = 0;
        if (!lua_isnil(L, -1) && !lua_tolstring(L, -1, &count)) return luaL_error(L, "reader function must return a string");
        if (count == 0) break;
        if (luaL_bufflen(&text) + count > load_limit(L)) return load_too_large(L);
        luaL_addvalue(&text);
        apus_spend(L, apus_of(L), 16);
    }
    lua_pop(L, 1);
    luaL_pushresult(&text);
    return 1;
}

static int safe_load(lua_State *L) {
    int arguments = lua_gettop(L);
    if (lua_type(L, 1) != LUA_TSTRING) {
        luaL_checktype(L, 1, LUA_TFUNCTION);
        if (arguments < 2) lua_settop(L, arguments = 2);
        if (lua_isnil(L, 2)) {
            lua_pushliteral(L, "=(load)");
            lua_replace(L, 2);
        }
        lua_pushcfunction(L, read_pieces);
        lua_pushvalue(L, 1);
        int status = lua_pcall(L, 1, 1, 0);
        if (status != LUA_OK) { // as of a text that does not compile
            apus_check_caught(L, status);
            lua_pushnil(L);
            lua_insert(L, -2);
            return 2;
        }
        lua_replace(L, 1);
    }
    if (lua_rawlen(L, 1) > load_limit(L)) return load_too_large(L);
    if (arguments < 3) lua_settop(L, 3);
    lua_pushliteral(L, "t"); // text only: crafted bytecode can crash the VM
    lua_replace(L, 3);
    return apus_forward(L);
}

static int safe_setmetatable(lua_State *L) {
    // Lua runs finalizers with hooks off, so one that loops could not be stopped.
    if (lua_type(L, 2) == LUA_TTABLE) {
        lua_pushliteral(L, "__gc");
        if (lua_rawget(L, 2) != LUA_TNIL) return luaL_error(L, "__gc can not be used in a policy");
        lua_pop(L, 1);
    }
    return apus_forward(L);
}

static int guarded_handler(lua_State *L) {
    // The time limit's error comes out of a hook, where Lua keeps hooks off: a message handler that loops could not be stopped.
    if (apus_of(L)->ended) return 1;
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, 1);
    return 1;
}

static int call_end(lua_State *L, int status, lua_KContext skipped) {
    if (status == LUA_OK || status == LUA_YIELD) return lua_gettop(L) - (int)skipped;
    apus_check_caught(L, status);
    lua_pushboolean(L, 0);
    lua_pushvalue(L, -2);
    return 2;
}

static int safe_pcall(lua_State *L) {
    luaL_checkany(L, 1);
    lua_pushboolean(L, 1); // the first result
    lua_insert(L, 1);
    return call_end(L, lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 0, 0, call_end), 0);
}

/// xpcall(f, handler, ...) with the guarded handler.
static int safe_xpcall(lua_State *L) {
    int count = lua_gettop(L);
    luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_pushvalue(L, 2);
    lua_pushcclosure(L, guarded_handler, 1);
    lua_replace(L, 2);
    lua_pushboolean(L, 1); // the first result
    lua_pushvalue(L, 1);
    lua_rotate(L, 3, 2); // function, handler, true, function, arguments
    return call_end(L, lua_pcallk(L, count - 2, LUA_MULTRET, 2, 2, call_end), 2);
}

static int collect_more(lua_State *L, int status, lua_KContext steps) {
    (void)status;
    apus_lua *state = apus_of(L);
    // A full collection can not be suspended, so it is done in pieces.
    while (steps-- > 0 && !lua_gc(L, LUA_GCSTEP, 64))
        if (apus_should_pause(L, state, APUS_STEPS)) return apus_pause(L, steps, collect_more);
    lua_pushinteger(L, 0);
    return 1;
}

static int safe_collectgarbage(lua_State *L) {
    const char *option = luaL_optstring(L, 1, "collect");
    if (strcmp(option, "count") == 0) {
        lua_pushnumber(L, (lua_Number)apus_of(L)->used / 1024);
        return 1;
    }
    if (strcmp(option, "step") == 0) {
        lua_Integer size = luaL_optinteger(L, 2, 0);
        lua_pushboolean(L, lua_gc(L, LUA_GCSTEP, size < 0 ? 0 : size > 256 ? 256 : (int)size));
        apus_should_pause(L, apus_of(L), APUS_STEPS);
        return 1;
    }
    if (strcmp(option, "collect")) return luaL_error(L, "collectgarbage: only 'count', 'collect' and 'step' can be used in a policy");
    return collect_more(L, LUA_OK, (lua_KContext)(apus_of(L)->used >> 14) + 64);
}

void apus_open_base(lua_State *L) {
    apus_wrap(L, "load", safe_load);
    apus_wrap(L, "setmetatable", safe_setmetatable);
    lua_pushcfunction(L, safe_xpcall);
    lua_setfield(L, -2, "xpcall");
    lua_pushcfunction(L, safe_pcall);
    lua_setfield(L, -2, "pcall");
    lua_pushcfunction(L, safe_collectgarbage);
    lua_setfield(L, -2, "collectgarbage");
}
