// Lua values to and from the byte format.
#include "internal.h"
#include <stdio.h>

static void put_text(apus_buffer *buffer, const char *bytes, size_t count) {
    apus_buffer_put32(buffer, (uint32_t)count);
    apus_buffer_put(buffer, bytes, count);
}

static const char *encode_pairs(lua_State *L, int index, apus_encoder *e) {
    size_t length = lua_rawlen(L, index), pairs = 0;
    bool sequence = true;
    lua_pushnil(L);
    while (lua_next(L, index)) {
        pairs++;
        if (!lua_isinteger(L, -2)) sequence = false;
        lua_pop(L, 1);
    }
    if (sequence && pairs > 0 && pairs == length) {
        apus_buffer_put8(e->buffer, APUS_TAG_LIST);
        apus_buffer_put32(e->buffer, (uint32_t)length);
        for (size_t i = 1; i <= length; i++) {
            lua_rawgeti(L, index, (lua_Integer)i);
            const char *problem = apus_encode(L, lua_gettop(L), e);
            if (problem) return problem;
            lua_pop(L, 1);
        }
        return NULL;
    }
    apus_buffer_put8(e->buffer, APUS_TAG_TABLE);
    apus_buffer_put32(e->buffer, (uint32_t)pairs);
    lua_pushnil(L);
    while (lua_next(L, index)) {
        // Never lua_tolstring on a numeric key: it would change the key and confuse lua_next.
        if (lua_type(L, -2) == LUA_TSTRING) {
            size_t count;
            const char *key = lua_tolstring(L, -2, &count);
            if (count > e->state->limits.value_bytes) return "a value that is too large";
            put_text(e->buffer, key, count);
        } else if (lua_type(L, -2) == LUA_TNUMBER) {
            char text[40];
            int n = lua_isinteger(L, -2) ? snprintf(text, sizeof text, "%lld", (long long)lua_tointeger(L, -2))
                                         : snprintf(text, sizeof text, "%.14g", lua_tonumber(L, -2));
            put_text(e->buffer, text, (size_t)n);
        } else {
            return "a table with keys that are neither strings nor numbers";
        }
        const char *problem = apus_encode(L, lua_gettop(L), e);
        if (problem) return problem;
        lua_pop(L, 1);
    }
    return NULL;
}

static const char *encode_table(lua_State *L, int index, apus_encoder *e) {
    const void *identity = lua_topointer(L, index);
    for (int i = 0; i < e->depth; i++)
        if (e->path[i] == identity) return "a table that contains itself";
    if (e->depth >= e->state->limits.value_depth) return "tables nested too deeply";
    luaL_checkstack(L, 8, "value nested too deeply");
    if (lua_getmetatable(L, index)) {
        lua_pushliteral(L, "__kind");
        if (lua_rawget(L, -2) == LUA_TSTRING) {
            size_t count;
            const char *kind = lua_tolstring(L, -1, &count);
            apus_buffer_put8(e->buffer, APUS_TAG_KIND);
            put_text(e->buffer, kind, count);
        }
        lua_pop(L, 2);
    }
    e->path[e->depth++] = identity;
    const char *problem = encode_pairs(L, index, e);
    e->depth--;
    return problem;
}

static const char *encode_userdata(lua_State *L, int index, apus_encoder *e) {
    if (lua_getmetatable(L, index)) {
        const void *metatable = lua_topointer(L, -1);
        lua_pop(L, 1);
        int tag = metatable == e->state->message_metatable ? APUS_TAG_MESSAGE : metatable == e->state->connection_metatable ? APUS_TAG_CONNECTION : 0;
        if (tag) {
            apus_buffer_put8(e->buffer, (uint8_t)tag);
            apus_buffer_put(e->buffer, lua_touserdata(L, index), 8);
            return NULL;
        }
    }
    return "an object";
}

const char *apus_encode(lua_State *L, int index, apus_encoder *e) {
    if (++e->nodes > e->state->limits.value_nodes || e->buffer->count - e->start > e->state->limits.value_bytes) return "a value that is too large";
    switch (lua_type(L, index)) {
    case LUA_TNIL: apus_buffer_put8(e->buffer, APUS_TAG_NIL); break;
    case LUA_TBOOLEAN: apus_buffer_put8(e->buffer, lua_toboolean(L, index) ? APUS_TAG_TRUE : APUS_TAG_FALSE); break;
    case LUA_TNUMBER:
        if (lua_isinteger(L, index)) {
            apus_buffer_put8(e->buffer, APUS_TAG_INTEGER);
            apus_buffer_put64(e->buffer, (uint64_t)lua_tointeger(L, index));
        } else {
            double number = lua_tonumber(L, index);
            apus_buffer_put8(e->buffer, APUS_TAG_NUMBER);
            apus_buffer_put(e->buffer, &number, 8);
        }
        break;
    case LUA_TSTRING: {
        size_t count;
        const char *text = lua_tolstring(L, index, &count);
        if (count > e->state->limits.value_bytes) return "a value that is too large";
        apus_put_string(e->buffer, text, count);
        break;
    }
    case LUA_TTABLE: return encode_table(L, index, e);
    case LUA_TUSERDATA: return encode_userdata(L, index, e);
    case LUA_TFUNCTION:
        if (!e->functions || e->reference != LUA_NOREF) return "a function";
        lua_pushvalue(L, index);
        e->reference = luaL_ref(L, LUA_REGISTRYINDEX);
        apus_buffer_put8(e->buffer, APUS_TAG_FUNCTION);
        apus_buffer_put32(e->buffer, (uint32_t)e->reference);
        break;
    case LUA_TTHREAD: return "a coroutine";
    default: return "an object";
    }
    return e->buffer->failed ? "a value that is too large" : NULL;
}

typedef struct {
    lua_State *L;
    const uint8_t *at, *end;
} reader;

static const uint8_t *take(reader *r, size_t count) {
    if ((size_t)(r->end - r->at) < count) luaL_error(r->L, "a value was cut short");
    const uint8_t *bytes = r->at;
    r->at += count;
    return bytes;
}

static uint32_t take32(reader *r) {
    uint32_t value;
    memcpy(&value, take(r, 4), 4);
    return value;
}

static void push_text(reader *r) {
    uint32_t count = take32(r);
    const uint8_t *bytes = take(r, count);
    lua_pushlstring(r->L, (const char *)bytes, count);
}

static void push_object(reader *r, const char *name) {
    void *object = lua_newuserdatauv(r->L, 8, 0);
    memcpy(object, take(r, 8), 8);
    lua_getfield(r->L, LUA_REGISTRYINDEX, name);
    lua_setmetatable(r->L, -2);
}

static void push_value(reader *r, int depth) {
    lua_State *L = r->L;
    if (depth > APUS_MAX_DEPTH + 8) luaL_error(L, "a value is nested too deeply");
    luaL_checkstack(L, 8, "value nested too deeply");
    uint8_t tag = *take(r, 1);
    switch (tag) {
    case APUS_TAG_NIL: lua_pushnil(L); break;
    case APUS_TAG_FALSE: lua_pushboolean(L, 0); break;
    case APUS_TAG_TRUE: lua_pushboolean(L, 1); break;
    case APUS_TAG_INTEGER: {
        int64_t value;
        memcpy(&value, take(r, 8), 8);
        lua_pushinteger(L, value);
        break;
    }
    case APUS_TAG_NUMBER: {
        double value;
        memcpy(&value, take(r, 8), 8);
        lua_pushnumber(L, value);
        break;
    }
    case APUS_TAG_STRING: push_text(r); break;
    case APUS_TAG_LIST: {
        uint32_t count = take32(r);
        lua_createtable(L, count < 1024 ? (int)count : 1024, 0);
        for (uint32_t i = 1; i <= count; i++) {
            push_value(r, depth + 1);
            lua_rawseti(L, -2, i);
        }
        break;
    }
    case APUS_TAG_TABLE: {
        uint32_t count = take32(r);
        lua_createtable(L, 0, count < 1024 ? (int)count : 1024);
        for (uint32_t i = 0; i < count; i++) {
            push_text(r);
            push_value(r, depth + 1);
            lua_rawset(L, -3);
        }
        break;
    }
    case APUS_TAG_KIND: {
        push_text(r);
        push_value(r, depth + 1);
        lua_insert(L, -2); // table, kind
        if (luaL_newmetatable(L, lua_tostring(L, -1))) {
            lua_pushvalue(L, -2);
            lua_setfield(L, -2, "__kind");
            lua_pushboolean(L, 0);
            lua_setfield(L, -2, "__metatable");
        }
        lua_setmetatable(L, -3);
        lua_pop(L, 1);
        break;
    }
    case APUS_TAG_MESSAGE: push_object(r, "apus.message"); break;
    case APUS_TAG_CONNECTION: push_object(r, "apus.connection"); break;
    default: luaL_error(L, "a value has an unknown type");
    }
}

int apus_decode(lua_State *L, const apus_buffer *buffer, int limit) {
    if (buffer->failed) luaL_error(L, "not enough memory");
    reader r = {L, buffer->bytes, buffer->bytes + buffer->count};
    int count = 0;
    while (r.at < r.end && count != limit) {
        push_value(&r, 0);
        count++;
    }
    return count;
}
