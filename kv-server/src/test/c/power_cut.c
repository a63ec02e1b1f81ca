/*
 * Shuts an ext4 file system down at once, without flushing its journal: what was not synced is gone, as after a power cut. Used by PowerCutIT on a file system
 * of its own (a loop mount). Argument: the mount point.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>

#define EXT4_IOC_SHUTDOWN _IOR('X', 125, uint32_t)
#define EXT4_GOING_FLAGS_NOLOGFLUSH 2

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: power_cut MOUNT-POINT\n");
        return 2;
    }
    int fd = open(argv[1], O_RDONLY);
    uint32_t flags = EXT4_GOING_FLAGS_NOLOGFLUSH;
    if (fd < 0 || ioctl(fd, EXT4_IOC_SHUTDOWN, &flags) != 0) {
        perror(argv[1]);
        return 1;
    }
    return 0;
}
