#ifndef SWIFTLET_CZLIB_H
#define SWIFTLET_CZLIB_H

#include <stddef.h>
#include <stdint.h>

// At most so many bytes come of so many.
size_t czlib_gzip_bound(size_t length);

// Writes one gzip member (RFC 1952, no name, no time: equal bytes give equal bytes). How many bytes it has, or 0 when
// `capacity` is too small or there is no memory.
size_t czlib_gzip(const uint8_t *bytes, size_t length, uint8_t *output, size_t capacity, int level);

#endif
