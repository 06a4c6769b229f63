// table.sort as a merge of runs, from the bottom up. Its state is three numbers and two tables, so it can be suspended between any two comparisons,
// and a comparison that contradicts itself can not lead it out of the array.
#include "internal.h"
#include <limits.h>

typedef struct {
    lua_Integer count, width; // elements; length of the sorted runs
    lua_Integer left, right;  // next of the two runs that are being merged
    lua_Integer middle, end;  // where they end
    lua_Integer out;          // next place in the target
} sorter;

// Two plain tables take turns as source and target, so that the policy never sees a half-sorted one.
enum { ARRAY = 1, COMPARE, SORTER, SOURCE, TARGET };
enum { STARTS, GOES_ON, COMPARED };

static void aim(sorter *s, lua_Integer from) {
    s->left = s->out = from;
    s->middle = s->right = from + s->width < s->count ? from + s->width : s->count;
    s->end = from + 2 * s->width < s->count ? from + 2 * s->width : s->count;
}

static void take(lua_State *L, sorter *s, bool right) {
    lua_rawgeti(L, SOURCE, (right ? s->right++ : s->left++) + 1);
    lua_rawseti(L, TARGET, ++s->out);
}

static int merge(lua_State *L, int status, lua_KContext how) {
    (void)status;
    apus_lua *state = apus_of(L);
    sorter *s = lua_touserdata(L, SORTER);
    bool compared = how == COMPARED;
    while (s->width < s->count) {
        if (!compared && s->out == s->end) {
            if (s->end < s->count) {
                aim(s, s->end);
            } else {
                s->width *= 2;
                aim(s, 0);
                lua_pushvalue(L, SOURCE);
                lua_copy(L, TARGET, SOURCE);
                lua_replace(L, TARGET);
            }
            continue;
        }
        if (!compared && (s->left == s->middle || s->right == s->end)) {
            take(L, s, s->left == s->middle);
        } else {
            if (!compared) {
                if (lua_isnil(L, COMPARE)) {
                    lua_rawgeti(L, SOURCE, s->right + 1);
                    lua_rawgeti(L, SOURCE, s->left + 1);
                    bool less = lua_compare(L, -2, -1, LUA_OPLT);
                    lua_pop(L, 2);
                    lua_pushboolean(L, less);
                } else {
                    lua_pushvalue(L, COMPARE);
                    lua_rawgeti(L, SOURCE, s->right + 1);
                    lua_rawgeti(L, SOURCE, s->left + 1);
                    lua_callk(L, 2, 1, COMPARED, merge);
                }
            }
            compared = false;
            bool right = lua_toboolean(L, -1);
            lua_pop(L, 1);
            take(L, s, right);
        }
        if (apus_should_pause(L, state, 4)) return apus_pause(L, GOES_ON, merge);
    }
    for (lua_Integer i = 1; i <= s->count; i++) {
        lua_rawgeti(L, SOURCE, i);
        lua_seti(L, ARRAY, i);
        apus_spend(L, state, 1);
    }
    return 0;
}

int apus_sort(lua_State *L) {
    apus_check_table(L, ARRAY, APUS_READS | APUS_WRITES | APUS_LENGTH);
    lua_Integer count = luaL_len(L, ARRAY);
    if (count < 2) return 0;
    luaL_argcheck(L, count < INT_MAX, 1, "array too big");
    if (!lua_isnoneornil(L, COMPARE)) luaL_checktype(L, COMPARE, LUA_TFUNCTION);
    lua_settop(L, COMPARE);
    sorter *s = lua_newuserdatauv(L, sizeof *s, 0);
    *s = (sorter){.count = count, .width = 1};
    aim(s, 0);
    int size = count < 1 << 12 ? (int)count : 1 << 12; // __len may say anything
    lua_createtable(L, size, 0);
    lua_createtable(L, size, 0);
    for (lua_Integer i = 1; i <= count; i++) {
        lua_geti(L, ARRAY, i);
        lua_rawseti(L, SOURCE, i);
        apus_spend(L, apus_of(L), 1);
    }
    return merge(L, LUA_OK, STARTS);
}
