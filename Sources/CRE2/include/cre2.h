// The few functions of RE2 (a C++ library) that Swift code needs, as C. A pattern may be used by several threads at once.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cre2_pattern cre2_pattern;

/// Compiles an expression of `length` bytes. Returns NULL when it is invalid and copies the reason, cut to
/// `reason_capacity` bytes with a final zero, to `reason`.
cre2_pattern *cre2_compile(const char *expression, size_t length, char *reason, size_t reason_capacity);
void cre2_free(cre2_pattern *pattern);

/// Whether the expression matches anywhere in the text.
bool cre2_matches_part(const cre2_pattern *pattern, const char *text, size_t length);

#ifdef __cplusplus
}
#endif
