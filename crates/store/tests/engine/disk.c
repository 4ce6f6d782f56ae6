// A disk that fails on demand and remembers what was done to it, for the store's tests. Loaded before the C library, it
// stands between the process and the files of a store whose name begins with "strongroom.db" (the shared memory file
// excepted, which is no disk state).
//
// STORE_DISK_SWITCHES  a directory; while a file of this name is in it, this happens:
//                        full   writes are refused with ENOSPC
//                        error  writes are refused with EIO
//                        sync   syncs are refused with EIO
//                        once   one sync is refused with EIO, and the file is removed
//                        short  writes write half and are then refused with ENOSPC
// STORE_DISK_TRACE     a file that takes a record of each change, in their order: a letter (w write, t truncate,
//                      s sync, a line that the process printed), a letter for the file (d database, l log, - none),
//                      an offset and a length of 8 bytes each in the machine's order, and the bytes.
// STORE_DISK_KILL_AT   the number of the write or sync at which the process is killed, after half of a write.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static int (*real_fsync)(int);
static int (*real_ftruncate)(int, off_t);
static pthread_mutex_t order = PTHREAD_MUTEX_INITIALIZER;
static int trace = -1;
static long kill_at = -1;
static long steps = 0;
static const char *switches;

__attribute__((constructor)) static void begin(void) {
    real_write = (ssize_t(*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
    real_pwrite = (ssize_t(*)(int, const void *, size_t, off_t))dlsym(RTLD_NEXT, "pwrite64");
    real_fsync = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
    real_ftruncate = (int (*)(int, off_t))dlsym(RTLD_NEXT, "ftruncate64");
    switches = getenv("STORE_DISK_SWITCHES");
    const char *at = getenv("STORE_DISK_KILL_AT");
    if (at) kill_at = atol(at);
    const char *path = getenv("STORE_DISK_TRACE");
    if (path) trace = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

// 'd' for the database, 'l' for its log, 0 for any other file.
static char which(int fd) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    const char *name = strrchr(path, '/');
    if (!name) return 0;
    if (!strcmp(name, "/strongroom.db")) return 'd';
    if (!strcmp(name, "/strongroom.db-wal")) return 'l';
    return 0;
}

static int on(const char *name) {
    char path[4096];
    if (!switches) return 0;
    snprintf(path, sizeof path, "%s/%s", switches, name);
    return access(path, F_OK) == 0;
}

static int once(void) {
    char path[4096];
    if (!switches) return 0;
    snprintf(path, sizeof path, "%s/once", switches);
    return unlink(path) == 0;
}

static void note(char what, char file, uint64_t offset, const void *bytes, uint64_t length, uint64_t stored) {
    if (trace < 0) return;
    char head[18] = {what, file};
    memcpy(head + 2, &offset, 8);
    memcpy(head + 10, &length, 8);
    if (real_write(trace, head, sizeof head) != sizeof head) abort();
    for (uint64_t done = 0; done < stored;) {
        ssize_t wrote = real_write(trace, (const char *)bytes + done, stored - done);
        if (wrote <= 0) abort();
        done += (uint64_t)wrote;
    }
}

static int is_last_step(void) { return kill_at >= 0 && ++steps >= kill_at; }

ssize_t pwrite64(int fd, const void *bytes, size_t length, off_t offset) {
    char file = which(fd);
    if (!file) return real_pwrite(fd, bytes, length, offset);
    if (on("full")) { errno = ENOSPC; return -1; }
    if (on("error")) { errno = EIO; return -1; }
    if (on("short")) {
        real_pwrite(fd, bytes, length / 2, offset);
        errno = ENOSPC;
        return -1;
    }
    pthread_mutex_lock(&order);
    if (is_last_step()) {
        real_pwrite(fd, bytes, length / 2, offset);
        kill(getpid(), SIGKILL);
    }
    ssize_t wrote = real_pwrite(fd, bytes, length, offset);
    if (wrote > 0) note('w', file, (uint64_t)offset, bytes, (uint64_t)wrote, (uint64_t)wrote);
    pthread_mutex_unlock(&order);
    return wrote;
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) { return pwrite64(fd, bytes, length, offset); }

int ftruncate64(int fd, off_t length) {
    char file = which(fd);
    if (!file) return real_ftruncate(fd, length);
    pthread_mutex_lock(&order);
    int answer = real_ftruncate(fd, length);
    if (answer == 0) note('t', file, 0, "", (uint64_t)length, 0);
    pthread_mutex_unlock(&order);
    return answer;
}

int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }

int fsync(int fd) {
    char file = which(fd);
    if (!file) return real_fsync(fd);
    if (on("sync") || once()) { errno = EIO; return -1; }
    pthread_mutex_lock(&order);
    if (is_last_step()) kill(getpid(), SIGKILL);
    // With a trace, what counts as being on disk is what the trace says, so the real disk need not be waited for.
    int answer = trace < 0 ? real_fsync(fd) : 0;
    if (answer == 0) note('s', file, 0, "", 0, 0);
    pthread_mutex_unlock(&order);
    return answer;
}

int fdatasync(int fd) { return fsync(fd); }

ssize_t write(int fd, const void *bytes, size_t length) {
    if (fd != STDOUT_FILENO || trace < 0) return real_write(fd, bytes, length);
    // An answer is noted before it leaves: whoever has it can rely on what was synced before.
    pthread_mutex_lock(&order);
    note('a', '-', 0, bytes, length, length);
    ssize_t wrote = real_write(fd, bytes, length);
    pthread_mutex_unlock(&order);
    return wrote;
}
