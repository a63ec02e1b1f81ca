/*
 * Cuts the power of an ext4 file system: shuts it down at once, without flushing its journal, so that what was not synced is gone. Used by PowerCutIT on a file
 * system of its own (a loop mount). Arguments: the mount point, and the process that writes there.
 *
 * The process is stopped first. With the real thing nobody runs on after the power is gone; here an fdatasync that is under way during the shutdown returns
 * success now and then without anything being durable (Linux 6.18: the journal is aborted, and the transaction that the call would wait for is then neither
 * running nor committing), and a process that runs on would acknowledge what is lost. A stopped thread does not return from its system call; the call itself
 * goes on in the kernel and is cut in the middle.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define EXT4_IOC_SHUTDOWN _IOR('X', 125, uint32_t)
#define EXT4_GOING_FLAGS_NOLOGFLUSH 2

/* Returns whether any thread of the process may still run its own code: all others are stopped, or inside the kernel waiting for the disk. */
static int runs(const char *tasks) {
    DIR *dir = opendir(tasks);
    if (dir == NULL) {
        return 0;
    }
    int found = 0;
    struct dirent *entry;
    while ((entry = readdir(dir)) != NULL) {
        char path[512], line[512];
        if (entry->d_name[0] == '.') {
            continue;
        }
        snprintf(path, sizeof path, "%s/%s/stat", tasks, entry->d_name);
        FILE *stat = fopen(path, "r");
        if (stat == NULL) {
            continue;
        }
        /* The state follows the name of the thread, which may hold anything and ends at the last parenthesis. */
        char *end = fgets(line, sizeof line, stat) == NULL ? NULL : strrchr(line, ')');
        if (end != NULL && (end[2] == 'R' || end[2] == 'S')) {
            found = 1;
        }
        fclose(stat);
    }
    closedir(dir);
    return found;
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: power_cut MOUNT-POINT PID\n");
        return 2;
    }
    int fd = open(argv[1], O_RDONLY);
    pid_t process = atoi(argv[2]);
    if (fd < 0 || process <= 0 || kill(process, SIGSTOP) != 0) {
        perror(argv[1]);
        return 1;
    }
    char tasks[64];
    snprintf(tasks, sizeof tasks, "/proc/%d/task", (int) process);
    for (int tries = 0; runs(tasks); tries++) {
        if (tries == 100000) {
            fprintf(stderr, "process %d does not stop\n", (int) process);
            return 1;
        }
        usleep(50);
    }
    uint32_t flags = EXT4_GOING_FLAGS_NOLOGFLUSH;
    if (ioctl(fd, EXT4_IOC_SHUTDOWN, &flags) != 0) {
        perror(argv[1]);
        return 1;
    }
    return 0;
}
