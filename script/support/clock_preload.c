/* Offsets the clocks of one process, for script/field: LD_PRELOAD this, and name in FIELD_CLOCK a file of three 64-bit numbers,
 * the microseconds that are added to CLOCK_REALTIME, CLOCK_MONOTONIC and CLOCK_BOOTTIME. The file is mapped, so whoever changes it
 * changes the clocks of the running process. (libfaketime replaces malloc-related calls that jemalloc needs before it is ready.)
 *
 * Absolute times that the process computed from these clocks and hands to the kernel are converted back. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define BILLION 1000000000LL
#define MILLION 1000000LL

static const volatile int64_t *offsets;

__attribute__((constructor)) static void map_offsets(void) {
    const char *path = getenv("FIELD_CLOCK");
    if (!path) return;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return;
    void *mapped = mmap(NULL, 3 * sizeof(int64_t), PROT_READ, MAP_SHARED, fd, 0);
    if (mapped != MAP_FAILED) offsets = mapped;
    close(fd);
}

static int64_t offset_of(clockid_t clock) {
    if (!offsets) return 0;
    switch (clock) {
    case CLOCK_REALTIME: case CLOCK_REALTIME_COARSE: case CLOCK_TAI: case CLOCK_REALTIME_ALARM: return offsets[0];
    case CLOCK_MONOTONIC: case CLOCK_MONOTONIC_RAW: case CLOCK_MONOTONIC_COARSE: return offsets[1];
    case CLOCK_BOOTTIME: case CLOCK_BOOTTIME_ALARM: return offsets[2];
    default: return 0;
    }
}

static void move(struct timespec *t, int64_t by) {
    t->tv_sec += by / MILLION;
    int64_t nanoseconds = t->tv_nsec + by % MILLION * 1000;
    if (nanoseconds < 0) { nanoseconds += BILLION; t->tv_sec -= 1; }
    if (nanoseconds >= BILLION) { nanoseconds -= BILLION; t->tv_sec += 1; }
    t->tv_nsec = nanoseconds;
}

static struct timespec back(clockid_t clock, const struct timespec *t) {
    struct timespec real = *t;
    move(&real, -offset_of(clock));
    if (real.tv_sec < 0) { real.tv_sec = 0; real.tv_nsec = 0; }
    return real;
}

/* The vDSO by way of libc's own function, found once. */
static int real_clock_gettime(clockid_t clock, struct timespec *t) {
    static int (*next)(clockid_t, struct timespec *);
    if (!next) next = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    return next ? next(clock, t) : (int)syscall(SYS_clock_gettime, clock, t);
}

int clock_gettime(clockid_t clock, struct timespec *t) {
    int result = real_clock_gettime(clock, t);
    if (result == 0) move(t, offset_of(clock));
    return result;
}

int timespec_get(struct timespec *t, int base) {
    if (base != TIME_UTC) return 0;
    return clock_gettime(CLOCK_REALTIME, t) == 0 ? base : 0;
}

int gettimeofday(struct timeval *restrict t, void *restrict zone) {
    (void)zone;
    struct timespec now;
    int result = clock_gettime(CLOCK_REALTIME, &now);
    if (result == 0) { t->tv_sec = now.tv_sec; t->tv_usec = now.tv_nsec / 1000; }
    return result;
}

time_t time(time_t *t) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (t) *t = now.tv_sec;
    return now.tv_sec;
}

int clock_nanosleep(clockid_t clock, int flags, const struct timespec *t, struct timespec *rest) {
    static int (*next)(clockid_t, int, const struct timespec *, struct timespec *);
    if (!next) next = (int (*)(clockid_t, int, const struct timespec *, struct timespec *))dlsym(RTLD_NEXT, "clock_nanosleep");
    if (!(flags & TIMER_ABSTIME)) return next(clock, flags, t, rest);
    struct timespec until = back(clock, t);
    return next(clock, flags, &until, rest);
}

/* Which clock a condition waits on is not known here; its time is near to that of one clock, or it does not matter. */
static clockid_t nearest(const struct timespec *t) {
    clockid_t clocks[] = { CLOCK_REALTIME, CLOCK_MONOTONIC }, best = CLOCK_REALTIME;
    double least = -1;
    for (int n = 0; n < 2; n++) {
        struct timespec now;
        clock_gettime(clocks[n], &now);
        double distance = (double)t->tv_sec - (double)now.tv_sec;
        if (distance < 0) distance = -distance;
        if (least < 0 || distance < least) { least = distance; best = clocks[n]; }
    }
    return best;
}

int pthread_cond_timedwait(pthread_cond_t *restrict condition, pthread_mutex_t *restrict mutex, const struct timespec *restrict t) {
    static int (*next)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
    if (!next) {
        void *found = dlvsym(RTLD_NEXT, "pthread_cond_timedwait", "GLIBC_2.3.2");
        if (!found) found = dlsym(RTLD_NEXT, "pthread_cond_timedwait");
        next = (int (*)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *))found;
    }
    struct timespec until = back(nearest(t), t);
    return next(condition, mutex, &until);
}

int pthread_cond_clockwait(pthread_cond_t *condition, pthread_mutex_t *mutex, clockid_t clock, const struct timespec *t) {
    static int (*next)(pthread_cond_t *, pthread_mutex_t *, clockid_t, const struct timespec *);
    if (!next) next = (int (*)(pthread_cond_t *, pthread_mutex_t *, clockid_t, const struct timespec *))dlsym(RTLD_NEXT, "pthread_cond_clockwait");
    struct timespec until = back(clock, t);
    return next(condition, mutex, clock, &until);
}

/* The clock of each timer descriptor, so that absolute times of libdispatch can be converted. */
#define TIMERS 4096
static clockid_t timer_clocks[TIMERS];

int timerfd_create(int clock, int flags) {
    int fd = (int)syscall(SYS_timerfd_create, clock, flags);
    if (fd >= 0 && fd < TIMERS) timer_clocks[fd] = clock;
    return fd;
}

int timerfd_settime(int fd, int flags, const struct itimerspec *value, struct itimerspec *old) {
    struct itimerspec until = *value;
    if ((flags & TFD_TIMER_ABSTIME) && fd >= 0 && fd < TIMERS && (value->it_value.tv_sec || value->it_value.tv_nsec)) {
        until.it_value = back(timer_clocks[fd], &value->it_value);
        if (!until.it_value.tv_sec && !until.it_value.tv_nsec) until.it_value.tv_nsec = 1;
    }
    return (int)syscall(SYS_timerfd_settime, fd, flags, &until, old);
}
