// Functions of the table library (Lua manual, 6.6) whose loops run as far as __len or an argument says.
#include "internal.h"
#include <limits.h>

void apus_check_table(lua_State *L, int argument, int needs) {
    if (lua_type(L, argument) == LUA_TTABLE) return;
    if (lua_getmetatable(L, argument)) {
        static const char *const names[] = {"__index", "__newindex", "__len"};
        bool fits = true;
        for (int i = 0; i < 3; i++) {
            if (!(needs & 1 << i)) continue;
            lua_pushstring(L, names[i]);
            fits = fits && lua_rawget(L, -2) != LUA_TNIL;
            lua_pop(L, 1);
        }
        lua_pop(L, 1);
        if (fits) return;
    }
    luaL_checktype(L, argument, LUA_TTABLE);
}

static lua_Integer length_of(lua_State *L, int argument, int needs) {
    apus_check_table(L, argument, needs | APUS_LENGTH);
    return luaL_len(L, argument);
}

static int table_insert(lua_State *L) {
    apus_lua *state = apus_of(L);
    lua_Integer end = (lua_Integer)((lua_Unsigned)length_of(L, 1, APUS_READS | APUS_WRITES) + 1), position = end;
    switch (lua_gettop(L)) {
    case 2: break;
    case 3:
        position = luaL_checkinteger(L, 2);
        luaL_argcheck(L, (lua_Unsigned)position - 1u < (lua_Unsigned)end, 2, "position out of bounds");
        for (lua_Integer i = end; i > position; i--) {
            lua_geti(L, 1, i - 1);
            lua_seti(L, 1, i);
            apus_spend(L, state, 1);
        }
        break;
    default: return luaL_error(L, "wrong number of arguments to 'insert'");
    }
    lua_seti(L, 1, position);
    return 0;
}

static int table_remove(lua_State *L) {
    apus_lua *state = apus_of(L);
    lua_Integer size = length_of(L, 1, APUS_READS | APUS_WRITES), position = luaL_optinteger(L, 2, size);
    if (position != size) luaL_argcheck(L, (lua_Unsigned)position - 1u <= (lua_Unsigned)size, 2, "position out of bounds");
    lua_geti(L, 1, position);
    for (; position < size; position++) {
        lua_geti(L, 1, position + 1);
        lua_seti(L, 1, position);
        apus_spend(L, state, 1);
    }
    lua_pushnil(L);
    lua_seti(L, 1, position);
    return 1;
}

static int table_move(lua_State *L) {
    apus_lua *state = apus_of(L);
    lua_Integer from = luaL_checkinteger(L, 2), end = luaL_checkinteger(L, 3), to = luaL_checkinteger(L, 4);
    int target = lua_isnoneornil(L, 5) ? 1 : 5;
    apus_check_table(L, 1, APUS_READS);
    apus_check_table(L, target, APUS_WRITES);
    if (end >= from) {
        luaL_argcheck(L, from > 0 || end < LUA_MAXINTEGER + from, 3, "too many elements to move");
        lua_Integer count = end - from + 1;
        luaL_argcheck(L, to <= LUA_MAXINTEGER - count + 1, 4, "destination wrap around");
        // From the end when the ranges overlap that way.
        bool upwards = to > end || to <= from || (target != 1 && !lua_compare(L, 1, target, LUA_OPEQ));
        for (lua_Integer k = 0; k < count; k++) {
            lua_Integer i = upwards ? k : count - 1 - k;
            lua_geti(L, 1, from + i);
            lua_seti(L, target, to + i);
            apus_spend(L, state, 1);
        }
    }
    lua_pushvalue(L, target);
    return 1;
}

static void add_element(lua_State *L, luaL_Buffer *buffer, lua_Integer i) {
    lua_geti(L, 1, i);
    if (!lua_isstring(L, -1)) 
        luaL_error(L, "invalid value (%s) at index %I in table for 'concat'", luaL_typename(L, -1), (LUAI_UACINT)i);
    apus_check_string(L, luaL_bufflen(buffer) + lua_rawlen(L, -1));
    luaL_addvalue(buffer);
    apus_spend(L, apus_of(L), 1);
}

static int table_concat(lua_State *L) {
    lua_Integer size = length_of(L, 1, APUS_READS);
    size_t separator_count;
    const char *separator = luaL_optlstring(L, 2, "", &separator_count);
    lua_Integer i = luaL_optinteger(L, 3, 1), last = luaL_optinteger(L, 4, size);
    luaL_Buffer buffer;
    luaL_buffinit(L, &buffer);
    for (; i < last; i++) {
        add_element(L, &buffer, i);
        luaL_addlstring(&buffer, separator, separator_count);
    }
    if (i == last) add_element(L, &buffer, i);
    luaL_pushresult(&buffer);
    return 1;
}

static int table_unpack(lua_State *L) {
    lua_Integer i = luaL_optinteger(L, 2, 1), end = lua_isnoneornil(L, 3) ? luaL_len(L, 1) : luaL_checkinteger(L, 3);
    if (i > end) return 0;
    lua_Unsigned count = (lua_Unsigned)end - (lua_Unsigned)i; // one less
    if (count >= APUS_MAX_RESULTS || !lua_checkstack(L, (int)count + 1)) return luaL_error(L, "too many results to unpack");
    for (; i < end; i++) {
        lua_geti(L, 1, i);
        apus_spend(L, apus_of(L), 1);
    }
    lua_geti(L, 1, end);
    return (int)count + 1;
}

void apus_open_table(lua_State *L) {
    static const luaL_Reg functions[] = {
        {"insert", table_insert}, {"remove", table_remove}, {"move", table_move}, {"concat", table_concat}, {"unpack", table_unpack},
        {"sort", apus_sort}, {NULL, NULL},
    };
    luaL_setfuncs(L, functions, 0);
}
