#ifndef APUS_CHIREDIS_SHIM_H
#define APUS_CHIREDIS_SHIM_H

#include <hiredis/hiredis.h>

/* The type of the item the reader waits for, or -1 when it waits for the first byte of one.
   Swift sees the stack of tasks as a tuple, which cannot be indexed. */
static inline int apus_reader_waits_for(const redisReader *reader) {
    return reader->ridx < 0 ? -1 : reader->rstack[reader->ridx].type;
}

#endif
