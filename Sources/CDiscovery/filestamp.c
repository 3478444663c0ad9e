#include "filestamp.h"

#include <sys/stat.h>

bool cdiscovery_stamp_of(const char *path, cdiscovery_stamp *stamp) {
    struct stat found;
    if (stat(path, &found) != 0) return false;
    stamp->device = (uint64_t)found.st_dev;
    stamp->inode = (uint64_t)found.st_ino;
    stamp->size = (int64_t)found.st_size;
    stamp->seconds = (int64_t)found.st_mtim.tv_sec;
    stamp->nanoseconds = (int64_t)found.st_mtim.tv_nsec;
    return true;
}
