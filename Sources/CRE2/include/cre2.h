// The few functions of RE2 (a C++ library) that Swift code needs, as C. A pattern may be used by several threads at once.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cre2_pattern cre2_pattern;

/// Compiles an expression of `length` bytes. Returns NULL when it is invalid and copies the reason, cut to
/// `reason_capacity` bytes with a final zero, to `reason`.
cre2_pattern *cre2_compile(const char *expression, size_t length, char *reason, size_t reason_capacity);

/// The same with a limit of its own for the memory of the compiled expression and of what matching remembers.
cre2_pattern *cre2_compile_limited(
    const char *expression, size_t length, int64_t memory, char *reason, size_t reason_capacity
);
void cre2_free(cre2_pattern *pattern);

/// Whether the expression matches anywhere in the text.
bool cre2_matches_part(const cre2_pattern *pattern, const char *text, size_t length);

/// Where a part of a text lies; `start` is -1 for a group that took no part in the match.
typedef struct {
    ptrdiff_t start;
    ptrdiff_t length;
} cre2_range;

/// Finds the leftmost match that begins at `start` or later, and fills `count` ranges: the whole match, then the groups.
/// What comes before `start` still counts for `^` and `\b`. `count` may be 0, which is faster, and must not be larger than
/// the number of groups and one.
bool cre2_find(
    const cre2_pattern *pattern, const char *text, size_t length, size_t start, cre2_range *ranges, int count
);

/// How many groups `(...)` there are.
int cre2_group_count(const cre2_pattern *pattern);
/// The number of the group with that name, or -1.
int cre2_group_named(const cre2_pattern *pattern, const char *name, size_t length);

#ifdef __cplusplus
}
#endif
