#include "cre2.h"

#include <re2/re2.h>

#include <cstring>
#include <new>

struct cre2_pattern {
    re2::RE2 expression;
    cre2_pattern(const re2::StringPiece &text, const re2::RE2::Options &options) : expression(text, options) {}
};

cre2_pattern *cre2_compile(const char *expression, size_t length, char *reason, size_t reason_capacity) {
    re2::RE2::Options options;
    options.set_log_errors(false);
    cre2_pattern *pattern = new (std::nothrow) cre2_pattern(re2::StringPiece(expression, length), options);
    if (pattern && pattern->expression.ok()) return pattern;
    if (reason_capacity > 0) {
        std::strncpy(reason, pattern ? pattern->expression.error().c_str() : "out of memory", reason_capacity - 1);
        reason[reason_capacity - 1] = 0;
    }
    delete pattern;
    return nullptr;
}

void cre2_free(cre2_pattern *pattern) { delete pattern; }

bool cre2_matches_part(const cre2_pattern *pattern, const char *text, size_t length) {
    return re2::RE2::PartialMatch(re2::StringPiece(text, length), pattern->expression);
}
