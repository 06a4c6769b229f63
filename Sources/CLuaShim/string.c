// Functions of the string library (Lua manual, 6.4) that take time beyond reason in Lua's own form: those with patterns, and those whose work is not
// bounded by the size of their arguments. Between two attempts to match they can be suspended.
#define _GNU_SOURCE // memmem
#include "pattern.h"

#define PACK_FORMAT_BYTES 4096
#define QUOTED_BYTES (1 << 20)

/// A position as Lua counts (from 1, or from the end) as an offset; not below 0, maybe beyond the end.
static size_t offset_of(lua_Integer position, size_t count) {
    if (position > 0) return (size_t)position - 1;
    if (position == 0 || position < -(lua_Integer)count) return 0;
    return count - (size_t)-position;
}

// ---- find and match

static bool is_plain(const char *pattern, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (memchr("^$*+?.([%-", pattern[i], 10)) return false;
    return true;
}

static int push_found(lua_State *L, const char *text, const char *start, size_t count) {
    lua_pushinteger(L, start - text + 1);
    lua_pushinteger(L, start - text + (lua_Integer)count);
    return 2;
}

static int search_on(lua_State *L, int status, lua_KContext context);

/// Goes on from an offset. The text and the pattern are at 1 and 2.
static int search(lua_State *L, size_t offset, bool finds) {
    apus_lua *state = apus_of(L);
    size_t count, pattern_count;
    const char *text = lua_tolstring(L, 1, &count), *pattern = lua_tolstring(L, 2, &pattern_count);
    bool anchored = pattern_count > 0 && *pattern == '^';
    apus_matcher m;
    apus_matcher_init(&m, L, text, count, pattern + anchored, pattern_count - anchored);
    const char *at = text + offset;
    do {
        const char *end = apus_match(&m, at);
        if (end) {
            apus_should_pause(L, state, apus_match_steps(&m));
            if (!finds) return apus_push_captures(&m, at, end);
            push_found(L, text, at, (size_t)(end - at));
            return apus_push_captures(&m, NULL, NULL) + 2;
        }
        if (apus_should_pause(L, state, apus_match_steps(&m)) && at < m.text_end && !anchored)
            return apus_pause(L, (lua_KContext)((size_t)(at + 1 - text) << 1 | finds), search_on);
    } while (at++ < m.text_end && !anchored);
    lua_pushnil(L);
    return 1;
}

static int search_on(lua_State *L, int status, lua_KContext context) {
    (void)status;
    return search(L, (size_t)context >> 1, context & 1);
}

static int start_search(lua_State *L, bool finds) {
    size_t count, pattern_count;
    const char *text = luaL_checklstring(L, 1, &count), *pattern = luaL_checklstring(L, 2, &pattern_count);
    size_t offset = offset_of(luaL_optinteger(L, 3, 1), count);
    if (offset > count) {
        lua_pushnil(L);
        return 1;
    }
    if (finds && (lua_toboolean(L, 4) || is_plain(pattern, pattern_count))) {
        // memmem takes linear time, unlike a comparison at each place.
        const char *found = pattern_count ? memmem(text + offset, count - offset, pattern, pattern_count) : text + offset;
        if (found) return push_found(L, text, found, pattern_count);
        lua_pushnil(L);
        return 1;
    }
    lua_settop(L, 2);
    return search(L, offset, finds);
}

static int string_find(lua_State *L) { return start_search(L, true); }
static int string_match(lua_State *L) { return start_search(L, false); }

// ---- gmatch

// Upvalues: text, pattern, offset, end of the last match (-1: none).
static int next_match(lua_State *L, int status, lua_KContext context) {
    (void)status;
    (void)context;
    apus_lua *state = apus_of(L);
    size_t count, pattern_count;
    const char *text = lua_tolstring(L, lua_upvalueindex(1), &count), *pattern = lua_tolstring(L, lua_upvalueindex(2), &pattern_count);
    lua_Integer last = lua_tointeger(L, lua_upvalueindex(4));
    apus_matcher m;
    apus_matcher_init(&m, L, text, count, pattern, pattern_count);
    for (const char *at = text + lua_tointeger(L, lua_upvalueindex(3)); at <= m.text_end; at++) {
        const char *end = apus_match(&m, at);
        bool suspends = apus_should_pause(L, state, apus_match_steps(&m));
        if (end && end - text != last) {
            lua_pushinteger(L, end - text);
            lua_pushvalue(L, -1);
            lua_replace(L, lua_upvalueindex(3));
            lua_replace(L, lua_upvalueindex(4));
            return apus_push_captures(&m, at, end);
        }
        if (suspends) {
            lua_pushinteger(L, at - text + 1);
            lua_replace(L, lua_upvalueindex(3));
            lua_settop(L, 0);
            return apus_pause(L, 0, next_match);
        }
    }
    return 0;
}

static int gmatch_next(lua_State *L) { return next_match(L, LUA_OK, 0); }

static int string_gmatch(lua_State *L) {
    size_t count;
    luaL_checklstring(L, 1, &count);
    luaL_checkstring(L, 2);
    size_t offset = offset_of(luaL_optinteger(L, 3, 1), count);
    lua_settop(L, 2);
    lua_pushinteger(L, offset > count ? (lua_Integer)count + 1 : (lua_Integer)offset);
    lua_pushinteger(L, -1);
    lua_pushcclosure(L, gmatch_next, 4);
    return 1;
}

// ---- gsub

// What survives a suspension. What does not fit in it goes into a userdata of its own, at BUFFER, so that the collector frees it.
typedef struct {
    size_t offset;  // where the next attempt is
    size_t copied;  // the text before is written, replaced or not
    size_t written, capacity;
    char *bytes;
    lua_Integer last, count, limit;
    size_t match_start, match_end;
    char small[200];
} substitution;

enum { TEXT = 1, PATTERN, REPLACEMENT, SUBSTITUTION, BUFFER };

static void write_bytes(lua_State *L, substitution *sub, const char *bytes, size_t count) {
    if (sub->capacity - sub->written < count) {
        apus_check_string(L, sub->written + count);
        size_t capacity = sub->capacity * 2 > sub->written + count ? sub->capacity * 2 : sub->written + count + 256;
        char *grown = lua_newuserdatauv(L, capacity, 0);
        memcpy(grown, sub->bytes, sub->written);
        sub->bytes = grown;
        sub->capacity = capacity;
        lua_replace(L, BUFFER);
    }
    memcpy(sub->bytes + sub->written, bytes, count);
    sub->written += count;
}

/// Writes what lies between the last replaced match and this one; the match itself is done with.
static void catch_up(lua_State *L, substitution *sub, const char *text) {
    write_bytes(L, sub, text + sub->copied, sub->match_start - sub->copied);
    sub->copied = sub->match_end;
}

/// Expands %0 to %9 and %%.
static void write_template(apus_matcher *m, substitution *sub, const char *start, const char *end) {
    lua_State *L = m->L;
    size_t count;
    const char *text = lua_tolstring(L, REPLACEMENT, &count), *text_end = text + count;
    while (text < text_end) {
        const char *mark = memchr(text, '%', (size_t)(text_end - text));
        if (!mark) mark = text_end;
        write_bytes(L, sub, text, (size_t)(mark - text));
        if (mark == text_end) break;
        int what = (unsigned char)mark[1];
        if (what == '%') {
            write_bytes(L, sub, "%", 1);
        } else if (what == '0') {
            write_bytes(L, sub, start, (size_t)(end - start));
        } else if (what >= '1' && what <= '9') {
            apus_push_capture(m, what - '1', start, end);
            size_t length;
            const char *capture = luaL_tolstring(L, -1, &length); // a position is a number
            write_bytes(L, sub, capture, length);
            lua_pop(L, 2);
        } else {
            luaL_error(L, "invalid use of '%%' in replacement string");
        }
        text = mark + 2;
    }
}

/// Puts the value on top of the stack in place of the match; false and nil keep it.
static void write_value(lua_State *L, substitution *sub, const char *text) {
    if (lua_toboolean(L, -1)) {
        if (!lua_isstring(L, -1)) luaL_error(L, "invalid replacement value (a %s)", luaL_typename(L, -1));
        size_t count;
        const char *bytes = lua_tolstring(L, -1, &count);
        catch_up(L, sub, text);
        write_bytes(L, sub, bytes, count);
    }
    lua_pop(L, 1);
}

static int substitute(lua_State *L, int status, lua_KContext has_value) {
    (void)status;
    apus_lua *state = apus_of(L);
    substitution *sub = lua_touserdata(L, SUBSTITUTION);
    size_t count, pattern_count;
    const char *text = lua_tolstring(L, TEXT, &count), *pattern = lua_tolstring(L, PATTERN, &pattern_count);
    bool anchored = pattern_count > 0 && *pattern == '^';
    int type = lua_type(L, REPLACEMENT);
    apus_matcher m;
    apus_matcher_init(&m, L, text, count, pattern + anchored, pattern_count - anchored);
    bool done = false;
    if (has_value) {
        write_value(L, sub, text);
        done = anchored;
    }
    while (!done && sub->count < sub->limit) {
        const char *at = text + sub->offset, *end = apus_match(&m, at);
        bool suspends = apus_should_pause(L, state, apus_match_steps(&m) + 2);
        done = anchored;
        if (end && end - text != sub->last) {
            sub->count++;
            sub->last = end - text;
            sub->offset = (size_t)(end - text);
            sub->match_start = (size_t)(at - text);
            sub->match_end = (size_t)(end - text);
            if (type == LUA_TFUNCTION) {
                lua_pushvalue(L, REPLACEMENT);
                lua_callk(L, apus_push_captures(&m, at, end), 1, 1, substitute);
                write_value(L, sub, text);
            } else if (type == LUA_TTABLE) {
                apus_push_capture(&m, 0, at, end);
                lua_gettable(L, REPLACEMENT);
                write_value(L, sub, text);
            } else {
                catch_up(L, sub, text);
                write_template(&m, sub, at, end);
            }
        } else if (at < m.text_end) {
            sub->offset++;
        } else {
            break;
        }
        if (suspends && !done) return apus_pause(L, 0, substitute);
    }
    if (sub->copied || sub->written) {
        write_bytes(L, sub, text + sub->copied, count - sub->copied);
        lua_pushlstring(L, sub->bytes, sub->written);
    } else {
        lua_pushvalue(L, TEXT);
    }
    lua_pushinteger(L, sub->count);
    return 2;
}

static int string_gsub(lua_State *L) {
    size_t count;
    luaL_checklstring(L, TEXT, &count);
    luaL_checkstring(L, PATTERN);
    int type = lua_type(L, REPLACEMENT);
    luaL_argexpected(
        L, type == LUA_TNUMBER || type == LUA_TSTRING || type == LUA_TFUNCTION || type == LUA_TTABLE, REPLACEMENT, "string/function/table");
    lua_Integer limit = luaL_optinteger(L, 4, (lua_Integer)count + 1);
    lua_settop(L, REPLACEMENT);
    substitution *sub = lua_newuserdatauv(L, sizeof *sub, 0);
    sub->offset = sub->copied = sub->written = 0;
    sub->capacity = sizeof sub->small;
    sub->bytes = sub->small;
    sub->last = -1;
    sub->count = 0;
    sub->limit = limit;
    lua_pushnil(L); // BUFFER
    return substitute(L, LUA_OK, 0);
}

// ---- rep, format, pack

static int string_rep(lua_State *L) {
    size_t count, separator_count;
    const char *text = luaL_checklstring(L, 1, &count);
    lua_Integer times = luaL_checkinteger(L, 2);
    const char *separator = luaL_optlstring(L, 3, "", &separator_count);
    size_t unit = count + separator_count;
    if (times <= 0 || unit == 0) { // Lua's own counts to `times` even when nothing is written
        lua_pushliteral(L, "");
        return 1;
    }
    if ((size_t)times > (SIZE_MAX >> 2) / unit) return luaL_error(L, "resulting string too large");
    size_t total = unit * (size_t)times - separator_count;
    apus_check_string(L, total);
    luaL_Buffer buffer;
    char *out = luaL_buffinitsize(L, &buffer, total);
    memcpy(out, text, count);
    if (times > 1) {
        memcpy(out + count, separator, separator_count);
        for (size_t filled = unit; filled < total; filled *= 2) memcpy(out + filled, out, filled < total - filled ? filled : total - filled);
    }
    luaL_pushresultsize(&buffer, total);
    return 1;
}

static int string_format(lua_State *L) {
    size_t count, total = 0;
    const char *format = luaL_checklstring(L, 1, &count), *end = format + count;
    bool quotes = false;
    for (const char *mark = format; (mark = memchr(mark, '%', (size_t)(end - mark))) && mark + 1 < end; mark += 2) quotes |= mark[1] == 'q';
    if (quotes) { // slow for bytes that are not letters
        for (int i = lua_gettop(L); i > 1; i--)
            if (lua_type(L, i) == LUA_TSTRING) total += lua_rawlen(L, i);
        if (total > QUOTED_BYTES) return luaL_error(L, "string.format: %%q of more than %d bytes", QUOTED_BYTES);
    }
    return apus_forward(L);
}

/// The format of pack, unpack and packsize: short, and without more padding than a string may have.
static int string_packing(lua_State *L) {
    size_t count, padding = 0;
    const char *format = luaL_checklstring(L, 1, &count);
    if (count > PACK_FORMAT_BYTES) return luaL_error(L, "the format is longer than %d bytes", PACK_FORMAT_BYTES);
    for (const char *c = format; *c; c++) {
        if (*c != 'c') continue;
        size_t number = 0;
        for (; c[1] >= '0' && c[1] <= '9'; c++)
            if (number < (size_t)1 << 40) number = number * 10 + (size_t)(c[1] - '0');
        padding += number;
    }
    if (padding > apus_of(L)->limits.string_bytes) return luaL_error(L, "the format result is too large");
    return apus_forward(L);
}

void apus_open_string(lua_State *L) {
    static const luaL_Reg functions[] = {
        {"find", string_find}, {"match", string_match}, {"gmatch", string_gmatch}, {"gsub", string_gsub}, {"rep", string_rep}, {NULL, NULL},
    };
    luaL_setfuncs(L, functions, 0);
    apus_wrap(L, "format", string_format);
    apus_wrap(L, "pack", string_packing);
    apus_wrap(L, "packsize", string_packing);
    apus_wrap(L, "unpack", string_packing);
}
