// Counts the calls by which a process touches the files of one directory, and has one of them, or some from one on, fail
// in a chosen way. Loaded before the C library (Linux with glibc). Syncs do not wait for the real disk: a process that is
// killed leaves its writes in memory, and what a power failure leaves is worked out from the trace.
//
// STORE_POINTS_DIRECTORY  the directory, an absolute path without links; other files are left alone
// STORE_POINTS_FAULT      what happens; the list is `faults` below. Only calls that a fault can meet are its points
// STORE_POINTS_AT         at which point, from 1; without, at none
// STORE_POINTS_FOR        at how many points from there; without, at all
// STORE_POINTS_COUNT      a file that takes the number of points when the process ends
// STORE_POINTS_TRACE      a file that takes a record of each change, in their order: a letter (c create, m rename, u unlink,
//                         w write, t truncate, s sync, f failed sync, a line that the process printed), the length of the
//                         file's name in one byte, an offset and a length of 8 bytes each in the machine's order, the name
//                         ("." for the directory), and with w, m and a as many bytes as the length says
// STORE_POINTS_CLOCK      a file that takes the number of looks at the wall clock, which jumps at each by up to 30 years

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { WRITE = 1, TRUNCATE = 2, CREATE = 4, RENAME = 8, UNLINK = 16, SYNC = 32, READ = 64, OPEN = 128, REOPEN = 256 };
enum { CHANGE = WRITE | TRUNCATE | CREATE | RENAME | UNLINK | SYNC };
// What to do instead of an error.
enum { BEFORE = -1, AFTER = -2, TEAR = -3, HALVE = -4 };

static const struct { const char *name; int meets; int what; } faults[] = {
    {"before", CHANGE, BEFORE},                          // killed in place of a change
    {"after", CHANGE, AFTER},                            // killed when a change is done
    {"torn", WRITE, TEAR},                               // killed when half of a write is done
    {"full", WRITE | CREATE | RENAME, ENOSPC},           // no space
    {"short", WRITE, HALVE},                             // space for half of the first write, then none
    {"write", WRITE | TRUNCATE, EIO},                    // the disk does not write
    {"sync", SYNC, EIO},                                 // nor sync
    {"read", READ | OPEN | REOPEN, EIO},                 // nor read
    {"readonly", CHANGE | REOPEN, EROFS},                // made read-only
};

static struct {
    int (*open)(const char *, int, ...);
    int (*rename)(const char *, const char *);
    int (*unlink)(const char *);
    ssize_t (*read)(int, void *, size_t);
    ssize_t (*pread)(int, void *, size_t, off_t);
    ssize_t (*write)(int, const void *, size_t);
    ssize_t (*pwrite)(int, const void *, size_t, off_t);
    int (*ftruncate)(int, off_t);
    int (*clock_gettime)(clockid_t, struct timespec *);
} real;
static pthread_mutex_t order = PTHREAD_MUTEX_INITIALIZER;
static const char *directory;
static int meets, what, trace = -1;
static long at = -1, lasting = -1, points, looks;

static long number(const char *name) {
    const char *text = getenv(name);
    return text ? atol(text) : -1;
}

__attribute__((constructor)) static void begin(void) {
    // Through `void **`, as data and function pointers are of one size here.
    *(void **)&real.open = dlsym(RTLD_NEXT, "open64");
    *(void **)&real.rename = dlsym(RTLD_NEXT, "rename");
    *(void **)&real.unlink = dlsym(RTLD_NEXT, "unlink");
    *(void **)&real.read = dlsym(RTLD_NEXT, "read");
    *(void **)&real.pread = dlsym(RTLD_NEXT, "pread64");
    *(void **)&real.write = dlsym(RTLD_NEXT, "write");
    *(void **)&real.pwrite = dlsym(RTLD_NEXT, "pwrite64");
    *(void **)&real.ftruncate = dlsym(RTLD_NEXT, "ftruncate64");
    *(void **)&real.clock_gettime = dlsym(RTLD_NEXT, "clock_gettime");
    directory = getenv("STORE_POINTS_DIRECTORY");
    at = number("STORE_POINTS_AT");
    lasting = number("STORE_POINTS_FOR");
    const char *fault = getenv("STORE_POINTS_FAULT");
    for (size_t i = 0; fault && i < sizeof faults / sizeof *faults; i++)
        if (!strcmp(fault, faults[i].name)) { meets = faults[i].meets; what = faults[i].what; }
    const char *path = getenv("STORE_POINTS_TRACE");
    if (path) trace = real.open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static void leave_number(const char *variable, long number) {
    const char *path = getenv(variable);
    int fd = path ? real.open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600) : -1;
    if (fd >= 0) { dprintf(fd, "%ld", number); close(fd); }
}

__attribute__((destructor)) static void end(void) {
    leave_number("STORE_POINTS_COUNT", points);
    leave_number("STORE_POINTS_CLOCK", looks);
}

// The name of `path` in the directory, "." for the directory itself, or NULL.
static const char *inside(const char *path) {
    size_t length = directory ? strlen(directory) : 0;
    if (!length || strncmp(path, directory, length)) return NULL;
    if (!path[length]) return ".";
    return path[length] == '/' ? path + length + 1 : NULL;
}

static const char *name_of(int fd, char *path, size_t size) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, size - 1);
    if (length < 0) return NULL;
    path[length] = 0;
    return inside(path);
}

static void put(const void *bytes, size_t length) {
    for (size_t done = 0; done < length;) {
        ssize_t wrote = real.write(trace, (const char *)bytes + done, length - done);
        if (wrote <= 0) abort();
        done += (size_t)wrote;
    }
}

static void note(char letter, const char *name, uint64_t offset, const void *bytes, uint64_t length) {
    if (trace < 0) return;
    char head[18] = {letter, (char)strlen(name)};
    memcpy(head + 2, &offset, 8);
    memcpy(head + 10, &length, 8);
    put(head, sizeof head);
    put(name, strlen(name));
    if (bytes) put(bytes, length);
}

static void die(void) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

// Begins a call: from here to `leave` no other changes anything. What is to happen to it: 0, an error, or AFTER, TEAR, HALVE.
static int enter(int class) {
    pthread_mutex_lock(&order);
    if (!(meets & class)) return 0;
    points++;
    if (at < 0 || points < at || (lasting >= 0 && points >= at + lasting)) return 0;
    if (what == BEFORE) die();
    return what == HALVE && points > at ? ENOSPC : what;
}

static ssize_t leave(int fate, ssize_t answer) {
    int error = errno;
    if (fate == AFTER) die();
    pthread_mutex_unlock(&order);
    errno = fate > 0 ? fate : error;
    return fate > 0 ? -1 : answer;
}

int open64(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = flags & O_CREAT ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    const char *name = inside(path);
    if (!name || !strcmp(name, ".")) return real.open(path, flags, mode);
    int creates = flags & O_CREAT && access(path, F_OK);
    int fate = enter(creates ? CREATE : (flags & O_ACCMODE) == O_RDONLY ? OPEN : REOPEN);
    int fd = fate > 0 ? -1 : real.open(path, flags, mode);
    if (fd >= 0 && creates) note('c', name, 0, NULL, 0);
    return (int)leave(fate, fd);
}

int open(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = flags & O_CREAT ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    return open64(path, flags, mode);
}

int rename(const char *from, const char *to) {
    const char *name = inside(from), *after = inside(to);
    if (!name || !after) return real.rename(from, to);
    int fate = enter(RENAME);
    int answer = fate > 0 ? -1 : real.rename(from, to);
    if (!answer) note('m', name, 0, after, strlen(after));
    return (int)leave(fate, answer);
}

int unlink(const char *path) {
    const char *name = inside(path);
    // What is not there is not touched.
    if (!name || access(path, F_OK)) return real.unlink(path);
    int fate = enter(UNLINK);
    int answer = fate > 0 ? -1 : real.unlink(path);
    if (!answer) note('u', name, 0, NULL, 0);
    return (int)leave(fate, answer);
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off_t offset) {
    char path[4096];
    const char *name = name_of(fd, path, sizeof path);
    if (!name) return real.pwrite(fd, bytes, length, offset);
    int fate = enter(WRITE);
    if (fate == TEAR || fate == HALVE) length /= 2;
    ssize_t wrote = fate > 0 ? -1 : real.pwrite(fd, bytes, length, offset);
    if (fate == TEAR) die();
    if (wrote > 0) note('w', name, (uint64_t)offset, bytes, (uint64_t)wrote);
    return leave(fate, wrote);
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) { return pwrite64(fd, bytes, length, offset); }

ssize_t write(int fd, const void *bytes, size_t length) {
    char path[4096];
    if (fd == STDOUT_FILENO) {
        // An answer is noted before it leaves: whoever has it can rely on what was synced before.
        pthread_mutex_lock(&order);
        note('a', "", 0, bytes, length);
        return leave(0, real.write(fd, bytes, length));
    }
    // Written at an offset by the store, without by nobody; a write of that kind must not go unseen.
    if (name_of(fd, path, sizeof path)) abort();
    return real.write(fd, bytes, length);
}

int ftruncate64(int fd, off_t length) {
    char path[4096];
    const char *name = name_of(fd, path, sizeof path);
    if (!name) return real.ftruncate(fd, length);
    int fate = enter(TRUNCATE);
    int answer = fate > 0 ? -1 : real.ftruncate(fd, length);
    if (!answer) note('t', name, 0, NULL, (uint64_t)length);
    return (int)leave(fate, answer);
}

int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }

int fsync(int fd) {
    char path[4096];
    const char *name = name_of(fd, path, sizeof path);
    if (!name) return 0;
    int fate = enter(SYNC);
    note(fate > 0 ? 'f' : 's', name, 0, NULL, 0);
    return (int)leave(fate, 0);
}

int fdatasync(int fd) { return fsync(fd); }

ssize_t pread64(int fd, void *bytes, size_t length, off_t offset) {
    char path[4096];
    if (!name_of(fd, path, sizeof path)) return real.pread(fd, bytes, length, offset);
    int fate = enter(READ);
    return leave(fate, fate > 0 ? -1 : real.pread(fd, bytes, length, offset));
}

ssize_t pread(int fd, void *bytes, size_t length, off_t offset) { return pread64(fd, bytes, length, offset); }

ssize_t read(int fd, void *bytes, size_t length) {
    char path[4096];
    if (!name_of(fd, path, sizeof path)) return real.read(fd, bytes, length);
    int fate = enter(READ);
    return leave(fate, fate > 0 ? -1 : real.read(fd, bytes, length));
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    int answer = real.clock_gettime(clock, time);
    if (answer || !getenv("STORE_POINTS_CLOCK") || (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE)) return answer;
    long look = __atomic_add_fetch(&looks, 1, __ATOMIC_SEQ_CST);
    // Back and forth, by another length each time.
    time->tv_sec += (look % 2 ? -1 : 1) * (look * 7919 % 10957) * 86400;
    return 0;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone) {
    (void)zone;
    struct timespec now;
    int answer = clock_gettime(CLOCK_REALTIME, &now);
    time->tv_sec = now.tv_sec;
    time->tv_usec = now.tv_nsec / 1000;
    return answer;
}

time_t time(time_t *to) {
    struct timespec now = {0};
    clock_gettime(CLOCK_REALTIME, &now);
    if (to) *to = now.tv_sec;
    return now.tv_sec;
}
