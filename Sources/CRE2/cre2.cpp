#include "cre2.h"

#include <re2/re2.h>

#include <cstring>
#include <new>
#include <string>

struct cre2_pattern {
    re2::RE2 expression;
    cre2_pattern(const re2::StringPiece &text, const re2::RE2::Options &options) : expression(text, options) {}
};

cre2_pattern *cre2_compile(const char *expression, size_t length, char *reason, size_t reason_capacity) {
    return cre2_compile_limited(expression, length, re2::RE2::Options::kDefaultMaxMem, reason, reason_capacity);
}

cre2_pattern *cre2_compile_limited(
    const char *expression, size_t length, int64_t memory, char *reason, size_t reason_capacity
) {
    re2::RE2::Options options;
    options.set_log_errors(false);
    options.set_max_mem(memory);
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

bool cre2_find(
    const cre2_pattern *pattern, const char *text, size_t length, size_t start, cre2_range *ranges, int count
) {
    const int limit = 32;
    re2::StringPiece few[limit];
    re2::StringPiece *parts = count <= limit ? few : new (std::nothrow) re2::StringPiece[count];
    if (!parts) return false;
    // A text of no bytes may come as a null pointer, which in RE2 is a group that took no part.
    const char *base = text ? text : "";
    const bool found = pattern->expression.Match(
        re2::StringPiece(base, length), start, length, re2::RE2::UNANCHORED, parts, count
    );
    if (found) {
        for (int group = 0; group < count; group++) {
            const char *data = parts[group].data();
            ranges[group].start = data ? data - base : -1;
            ranges[group].length = data ? static_cast<ptrdiff_t>(parts[group].size()) : 0;
        }
    }
    if (parts != few) delete[] parts;
    return found;
}

int cre2_group_count(const cre2_pattern *pattern) { return pattern->expression.NumberOfCapturingGroups(); }

int cre2_group_named(const cre2_pattern *pattern, const char *name, size_t length) {
    const auto &groups = pattern->expression.NamedCapturingGroups();
    const auto found = groups.find(std::string(name, length));
    return found == groups.end() ? -1 : found->second;
}
