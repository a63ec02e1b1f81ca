/*
 * Preloaded into a server process by FailingDiskIT: while the file named by NEARKV_FAIL_SYNC exists, every fsync and fdatasync answers EIO, as a failing disk does.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static int failing(void) {
    const char *switch_file = getenv("NEARKV_FAIL_SYNC");
    return switch_file != NULL && access(switch_file, F_OK) == 0;
}

static int call(const char *name, int fd) {
    int (*real)(int) = (int (*)(int)) dlsym(RTLD_NEXT, name);
    if (failing()) {
        errno = EIO;
        return -1;
    }
    return real(fd);
}

int fsync(int fd) { return call("fsync", fd); }

int fdatasync(int fd) { return call("fdatasync", fd); }
