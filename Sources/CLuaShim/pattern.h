#ifndef APUS_PATTERN_H
#define APUS_PATTERN_H

#include "internal.h"

#define APUS_MAX_CAPTURES 32

/// One search for a Lua pattern (manual, 6.4.1) with a budget of steps for the attempt at one place of the text.
typedef struct {
    lua_State *L;
    const char *text, *text_end;       // the subject
    const char *pattern, *pattern_end; // without the anchor
    int64_t steps;                     // left of this attempt
    int64_t budget;
    int depth;
    int captures;
    struct {
        const char *start;
        ptrdiff_t length; // or one of the two below
    } capture[APUS_MAX_CAPTURES];
} apus_matcher;

#define APUS_CAPTURE_OPEN (-1)
#define APUS_CAPTURE_POSITION (-2)

void apus_matcher_init(apus_matcher *m, lua_State *L, const char *text, size_t text_count, const char *pattern, size_t pattern_count);
/// Matches at `at` exactly; answers the end of the match, or NULL.
const char *apus_match(apus_matcher *m, const char *at);
/// Steps the last attempt took.
static inline int64_t apus_match_steps(const apus_matcher *m) { return m->budget - m->steps; }
/// Pushes capture `index` (from 0); the whole match when the pattern has none.
void apus_push_capture(apus_matcher *m, int index, const char *start, const char *end);
/// Pushes all captures; the whole match (if `start` is given) when the pattern has none. Answers how many.
int apus_push_captures(apus_matcher *m, const char *start, const char *end);

#endif
