/* Linking jemalloc replaces malloc for the whole process: glibc's arenas grow without bound in long-running servers. */
#include <stddef.h>
int mallctl(const char *name, void *oldp, size_t *oldlenp, void *newp, size_t newlen);
