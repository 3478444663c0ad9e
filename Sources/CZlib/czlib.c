#include "czlib.h"

#include <limits.h>
#include <string.h>
#include <zlib.h>

size_t czlib_gzip_bound(size_t length) { return compressBound(length) + 18; }

size_t czlib_gzip(const uint8_t *bytes, size_t length, uint8_t *output, size_t capacity, int level) {
    z_stream stream;
    memset(&stream, 0, sizeof stream);
    // 15 bits of window; 16 more ask for gzip's header and trailer.
    if (deflateInit2(&stream, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) return 0;
    size_t given = 0, made = 0;
    int result = Z_OK;
    // zlib counts with 32 bits.
    while (result == Z_OK) {
        size_t rest = length - given, room = capacity - made;
        uInt in = rest > INT_MAX ? INT_MAX : (uInt)rest, out = room > INT_MAX ? INT_MAX : (uInt)room;
        if (out == 0) break;
        stream.next_in = (Bytef *)(bytes + given);
        stream.avail_in = in;
        stream.next_out = output + made;
        stream.avail_out = out;
        result = deflate(&stream, in == rest ? Z_FINISH : Z_NO_FLUSH);
        given += in - stream.avail_in;
        made += out - stream.avail_out;
        // Not an end: there was no room, and there may be more.
        if (result == Z_BUF_ERROR && stream.avail_out == 0) result = Z_OK;
    }
    deflateEnd(&stream);
    return result == Z_STREAM_END ? made : 0;
}
