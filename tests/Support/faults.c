/*
 * Preloaded into a process under test (LD_PRELOAD), it sees the process's file operations from outside and makes a fault at a chosen one.
 *   FAULTS_UNDER=DIR      only files below this folder count
 *   FAULTS_LOG=FILE       one line an operation: process, operation, path
 *   FAULTS_KILL=TEXT      SIGKILL at an operation on a path that contains this text ...
 *   FAULTS_KILL_AT=N      ... at the N-th; a write is done by half first
 *   FAULTS_CLOCK=SECONDS  the wall clock jumps by this much, forwards and back, every 50 times that it is asked
 * The operations are: read (a file opened for reading), create (opened for writing), write, sync, rename, remove.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define REAL(result, name, ...) ((result(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name))

static atomic_int matched, asked;

/* Returns whether the process is to die at the operation; logs it if not, so that the log holds what was done. */
static int meets(const char *operation, const char *path)
{
    const char *under = getenv("FAULTS_UNDER"), *log = getenv("FAULTS_LOG"), *text = getenv("FAULTS_KILL"), *at = getenv("FAULTS_KILL_AT");
    if (!path || !under || strncmp(path, under, strlen(under))) return 0;
    struct stat info;
    if (!strcmp(operation, "read") && !stat(path, &info) && S_ISDIR(info.st_mode)) return 0;
    int dies = text && at && strstr(path, text) && atomic_fetch_add(&matched, 1) + 1 == atoi(at);
    if (log && !dies) {
        char line[4096];
        int length = snprintf(line, sizeof line, "%d %s %s\n", (int)getpid(), operation, path);
        int file = REAL(int, "open", const char *, int, ...)(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
        if (file >= 0) {
            REAL(ssize_t, "write", int, const void *, size_t)(file, line, (size_t)length);
            close(file);
        }
    }
    return dies;
}

static void die(void)
{
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

static const char *path_of(int file, char *buffer, size_t size)
{
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, buffer, size - 1);
    if (length < 0) return NULL;
    buffer[length] = 0;
    return buffer;
}

static int opened(const char *name, const char *path, int flags, mode_t mode)
{
    if (meets((flags & O_ACCMODE) == O_RDONLY ? "read" : "create", path)) die();
    return REAL(int, name, const char *, int, ...)(path, flags, mode);
}

#define OPEN(name)                                      \
    int name(const char *path, int flags, ...)          \
    {                                                   \
        va_list arguments;                              \
        va_start(arguments, flags);                     \
        mode_t mode = va_arg(arguments, int);           \
        va_end(arguments);                              \
        return opened(#name, path, flags, mode);        \
    }
OPEN(open)
OPEN(open64)

#define PWRITE(name)                                                                                         \
    ssize_t name(int file, const void *data, size_t count, off_t offset)                                     \
    {                                                                                                        \
        char path[4096];                                                                                     \
        int dies = meets("write", path_of(file, path, sizeof path));                                         \
        ssize_t done = REAL(ssize_t, #name, int, const void *, size_t, off_t)(file, data, dies ? count / 2 : count, offset); \
        if (dies) die();                                                                                     \
        return done;                                                                                         \
    }
PWRITE(pwrite)
PWRITE(pwrite64)

int fsync(int file)
{
    char path[4096];
    if (meets("sync", path_of(file, path, sizeof path))) die();
    return REAL(int, "fsync", int)(file);
}

int rename(const char *from, const char *to)
{
    if (meets("rename", to)) die();
    return REAL(int, "rename", const char *, const char *)(from, to);
}

int unlink(const char *path)
{
    if (meets("remove", path)) die();
    return REAL(int, "unlink", const char *)(path);
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    int result = REAL(int, "clock_gettime", clockid_t, struct timespec *)(clock, now);
    const char *step = getenv("FAULTS_CLOCK");
    if (step && clock == CLOCK_REALTIME && result == 0 && atomic_fetch_add(&asked, 1) / 50 % 2) now->tv_sec += atol(step);
    return result;
}
