// What tells one state of a file from another without reading it. In C, as Swift sees `struct stat` in several modules.
#pragma once

#include <stdbool.h>
#include <stdint.h>

typedef struct cdiscovery_stamp {
    uint64_t device;
    uint64_t inode;
    int64_t size;
    int64_t seconds;
    int64_t nanoseconds;
} cdiscovery_stamp;

/// Follows links. Returns whether there is such a file.
bool cdiscovery_stamp_of(const char *path, cdiscovery_stamp *stamp);
