// A matcher for Lua patterns that counts its steps.
//
// Lua's own can take exponential time, and a C function can not be interrupted. This one gives up with an error after a number of steps that no
// sensible pattern needs: a constant, and some more per byte of the text, so that patterns that read the text once always end.
#include "pattern.h"
#include <ctype.h>

#define BASE_STEPS 4000000
#define STEPS_PER_BYTE 8
#define MAX_DEPTH 200

static const char *match_here(apus_matcher *m, const char *s, const char *p);

static _Noreturn void out_of_steps(apus_matcher *m) {
    apus_should_pause(m->L, apus_of(m->L), m->budget); // a policy may catch the error and try again: the time counts
    luaL_error(m->L, "pattern too complex: it takes too many steps on a text of %d bytes; use fewer of '-', '*' and '+', or match a part of the text",
        (int)(m->text_end - m->text));
    __builtin_unreachable();
}

static inline void spend(apus_matcher *m, ptrdiff_t steps) {
    if ((m->steps -= steps) < 0) out_of_steps(m);
}

// ---- One character against one item of the pattern

static bool in_class(int c, int class) {
    bool found;
    switch (class | 32) {
    case 'a': found = isalpha(c); break;
    case 'c': found = iscntrl(c); break;
    case 'd': found = isdigit(c); break;
    case 'g': found = isgraph(c); break;
    case 'l': found = islower(c); break;
    case 'p': found = ispunct(c); break;
    case 's': found = isspace(c); break;
    case 'u': found = isupper(c); break;
    case 'w': found = isalnum(c); break;
    case 'x': found = isxdigit(c); break;
    case 'z': found = c == 0; break; // of Lua 5.1, still known
    default: return class == c;
    }
    return isupper(class) ? !found : found;
}

/// The set from its '[' to its ']', without the latter.
static bool in_set(int c, const char *set, const char *end) {
    bool listed = true;
    if (*++set == '^') {
        listed = false;
        set++;
    }
    while (set < end) {
        int item = (unsigned char)*set;
        if (item == '%') {
            if (in_class(c, (unsigned char)set[1])) return listed;
            set += 2;
        } else if (set + 2 < end && set[1] == '-') {
            if (item <= c && c <= (unsigned char)set[2]) return listed;
            set += 3;
        } else {
            if (item == c) return listed;
            set++;
        }
    }
    return !listed;
}

/// Where the single-character item at `p` ends.
static const char *item_end(apus_matcher *m, const char *p) {
    const char *end = m->pattern_end;
    if (*p == '%') {
        if (p + 1 == end) luaL_error(m->L, "malformed pattern (ends with '%%')");
        return p + 2;
    }
    if (*p != '[') return p + 1;
    if (++p < end && *p == '^') p++;
    for (bool first = true;; first = false) {
        if (p >= end) luaL_error(m->L, "malformed pattern (missing ']')");
        if (*p == ']' && !first) return p + 1;
        p += *p == '%' && p + 1 < end ? 2 : 1;
    }
}

static inline bool single(const apus_matcher *m, const char *s, const char *p, const char *end) {
    if (s >= m->text_end) return false;
    int c = (unsigned char)*s;
    switch (*p) {
    case '.': return true;
    case '%': return in_class(c, (unsigned char)p[1]);
    case '[': return in_set(c, p, end - 1);
    default: return (unsigned char)*p == c;
    }
}

// ---- Repetitions

static const char *longest_first(apus_matcher *m, const char *s, const char *p, const char *end) {
    ptrdiff_t count = 0, cost = *p == '[' ? (end - p) / 4 + 1 : 1;
    while (single(m, s + count, p, end)) {
        // A step for a few characters: this loop is much faster than an attempt.
        if ((++count & 7) == 0) spend(m, cost);
    }
    for (; count >= 0; count--) {
        const char *found = match_here(m, s + count, end + 1);
        if (found) return found;
    }
    return NULL;
}

static const char *shortest_first(apus_matcher *m, const char *s, const char *p, const char *end) {
    for (;; s++) {
        const char *found = match_here(m, s, end + 1);
        if (found) return found;
        if (!single(m, s, p, end)) return NULL;
    }
}

// ---- Captures

static int captured(apus_matcher *m, int digit) {
    int index = digit - '1';
    if (index < 0 || index >= m->captures || m->capture[index].length == APUS_CAPTURE_OPEN)
        luaL_error(m->L, "invalid capture index %%%d", index + 1);
    return index;
}

static const char *open_capture(apus_matcher *m, const char *s, const char *p, ptrdiff_t kind) {
    if (m->captures >= APUS_MAX_CAPTURES) luaL_error(m->L, "too many captures");
    m->capture[m->captures].start = s;
    m->capture[m->captures].length = kind;
    m->captures++;
    const char *found = match_here(m, s, p);
    if (!found) m->captures--;
    return found;
}

static const char *close_capture(apus_matcher *m, const char *s, const char *p) {
    int index = m->captures - 1;
    while (index >= 0 && m->capture[index].length != APUS_CAPTURE_OPEN) index--;
    if (index < 0) luaL_error(m->L, "invalid pattern capture");
    m->capture[index].length = s - m->capture[index].start;
    const char *found = match_here(m, s, p);
    if (!found) m->capture[index].length = APUS_CAPTURE_OPEN;
    return found;
}

/// The end of a copy of a former capture at `s`.
static const char *repeated_capture(apus_matcher *m, const char *s, int digit) {
    int index = captured(m, digit);
    ptrdiff_t length = m->capture[index].length;
    if (length == APUS_CAPTURE_POSITION || m->text_end - s < length) return NULL;
    spend(m, length >> 6);
    return memcmp(m->capture[index].start, s, (size_t)length) == 0 ? s + length : NULL;
}

// ---- %b and %f

static const char *balanced(apus_matcher *m, const char *s, const char *p) {
    if (m->pattern_end - p < 2) luaL_error(m->L, "malformed pattern (missing arguments to '%%b')");
    if (s >= m->text_end || *s != *p) return NULL;
    const char *from = s;
    for (ptrdiff_t open = 1; ++s < m->text_end;) {
        if (((s - from) & 7) == 0) spend(m, 1);
        if (*s == p[1]) {
            if (--open == 0) return s + 1;
        } else if (*s == p[0]) {
            open++;
        }
    }
    return NULL;
}

/// Where the set of a frontier at `p` ends, if `s` is one; else NULL.
static const char *frontier(apus_matcher *m, const char *s, const char *p) {
    if (p >= m->pattern_end || *p != '[') luaL_error(m->L, "missing '[' after '%%f' in pattern");
    const char *end = item_end(m, p);
    int before = s == m->text ? 0 : (unsigned char)s[-1], here = s == m->text_end ? 0 : (unsigned char)*s;
    return !in_set(before, p, end - 1) && in_set(here, p, end - 1) ? end : NULL;
}

// ---- The matcher

static const char *match_rest(apus_matcher *m, const char *s, const char *p) {
    while (p != m->pattern_end) {
        spend(m, 1);
        switch (*p) {
        case '(': return p[1] == ')' ? open_capture(m, s, p + 2, APUS_CAPTURE_POSITION) : open_capture(m, s, p + 1, APUS_CAPTURE_OPEN);
        case ')': return close_capture(m, s, p + 1);
        case '$':
            if (p + 1 == m->pattern_end) return s == m->text_end ? s : NULL;
            break;
        case '%': {
            int next = p + 1 < m->pattern_end ? (unsigned char)p[1] : 0;
            if (next == 'b') {
                if (!(s = balanced(m, s, p + 2))) return NULL;
                p += 4;
                continue;
            }
            if (next == 'f') {
                if (!(p = frontier(m, s, p + 2))) return NULL;
                continue;
            }
            if (isdigit(next)) {
                if (!(s = repeated_capture(m, s, next))) return NULL;
                p += 2;
                continue;
            }
            break;
        }
        default: break;
        }
        const char *end = item_end(m, p);
        switch (end < m->pattern_end ? *end : 0) {
        case '?': {
            const char *found;
            if (single(m, s, p, end) && (found = match_here(m, s + 1, end + 1))) return found;
            p = end + 1;
            break;
        }
        case '+': return single(m, s, p, end) ? longest_first(m, s + 1, p, end) : NULL;
        case '*': return longest_first(m, s, p, end);
        case '-': return shortest_first(m, s, p, end);
        default:
            if (!single(m, s, p, end)) return NULL;
            s++;
            p = end;
        }
    }
    return s;
}

static const char *match_here(apus_matcher *m, const char *s, const char *p) {
    spend(m, 1);
    if (++m->depth > MAX_DEPTH) luaL_error(m->L, "pattern too complex: it has too many parts");
    const char *found = match_rest(m, s, p);
    m->depth--;
    return found;
}

void apus_matcher_init(apus_matcher *m, lua_State *L, const char *text, size_t text_count, const char *pattern, size_t pattern_count) {
    m->L = L;
    m->text = text;
    m->text_end = text + text_count;
    m->pattern = pattern;
    m->pattern_end = pattern + pattern_count;
    m->budget = BASE_STEPS + (int64_t)text_count * STEPS_PER_BYTE;
}

const char *apus_match(apus_matcher *m, const char *at) {
    m->steps = m->budget;
    m->depth = 0;
    m->captures = 0;
    return match_here(m, at, m->pattern);
}

void apus_push_capture(apus_matcher *m, int index, const char *start, const char *end) {
    if (index >= m->captures) {
        if (index != 0) luaL_error(m->L, "invalid capture index %%%d", index + 1);
        lua_pushlstring(m->L, start, (size_t)(end - start));
        return;
    }
    ptrdiff_t length = m->capture[index].length;
    if (length == APUS_CAPTURE_OPEN) luaL_error(m->L, "unfinished capture");
    if (length == APUS_CAPTURE_POSITION) lua_pushinteger(m->L, m->capture[index].start - m->text + 1);
    else lua_pushlstring(m->L, m->capture[index].start, (size_t)length);
}

int apus_push_captures(apus_matcher *m, const char *start, const char *end) {
    int count = m->captures == 0 && start ? 1 : m->captures;
    luaL_checkstack(m->L, count, "too many captures");
    for (int i = 0; i < count; i++) apus_push_capture(m, i, start, end);
    return count;
}
