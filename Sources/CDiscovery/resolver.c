#include "resolver.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <netdb.h>
#include <netinet/in.h>
#include <resolv.h>
#include <stdlib.h>
#include <string.h>

// The largest message there is; the resolver falls back to TCP by itself when an answer over UDP was cut.
enum { largest_message = 65535 };

int cresolver_parse(const uint8_t *message, size_t length, void *context, cresolver_visitor visit) {
    ns_msg handle;
    if (length > largest_message || ns_initparse(message, (int)length, &handle) != 0) return CRESOLVER_FAILED;
    switch (ns_msg_getflag(handle, ns_f_rcode)) {
    case ns_r_noerror: break;
    case ns_r_nxdomain: return CRESOLVER_NO_SUCH_NAME;
    default: return CRESOLVER_FAILED;
    }
    int count = ns_msg_count(handle, ns_s_an);
    for (int place = 0; place < count; place++) {
        ns_rr found;
        if (ns_parserr(&handle, ns_s_an, place, &found) != 0) return CRESOLVER_FAILED;
        if (ns_rr_class(found) != ns_c_in) continue;
        cresolver_record record;
        memset(&record, 0, sizeof record);
        record.type = ns_rr_type(found);
        const uint8_t *data = ns_rr_rdata(found);
        size_t size = ns_rr_rdlen(found);
        size_t name = 0;
        switch (ns_rr_type(found)) {
        case ns_t_a:
            if (size != 4 || !inet_ntop(AF_INET, data, record.address, sizeof record.address)) return CRESOLVER_FAILED;
            break;
        case ns_t_aaaa:
            if (size != 16 || !inet_ntop(AF_INET6, data, record.address, sizeof record.address)) return CRESOLVER_FAILED;
            break;
        case ns_t_srv:
            if (size < 7) return CRESOLVER_FAILED;
            record.port = (uint16_t)(data[4] << 8 | data[5]);
            name = 6;
            break;
        case ns_t_mx:
            if (size < 3) return CRESOLVER_FAILED;
            name = 2;
            break;
        case ns_t_ns: break;
        default: continue;
        }
        if (record.address[0] == 0) {
            if (name >= size) return CRESOLVER_FAILED;
            int used = dn_expand(ns_msg_base(handle), ns_msg_end(handle), data + name, record.target, sizeof record.target);
            if (used < 0 || name + (size_t)used > size) return CRESOLVER_FAILED;
        }
        visit(context, &record);
    }
    return CRESOLVER_ANSWERED;
}

int cresolver_query(const char *name, int type, void *context, cresolver_visitor visit) {
    struct __res_state state;
    memset(&state, 0, sizeof state);
    if (res_ninit(&state) != 0) return CRESOLVER_FAILED;
    int outcome = CRESOLVER_FAILED;
    uint8_t *answer = malloc(largest_message);
    if (answer) {
        int length = res_nquery(&state, name, ns_c_in, type, answer, largest_message);
        if (length > 0) {
            outcome = length > largest_message ? CRESOLVER_FAILED
                                               : cresolver_parse(answer, (size_t)length, context, visit);
        } else if (state.res_h_errno == HOST_NOT_FOUND) {
            outcome = CRESOLVER_NO_SUCH_NAME;
        } else if (state.res_h_errno == NO_DATA) {
            outcome = CRESOLVER_ANSWERED;
        }
        free(answer);
    }
    res_nclose(&state);
    return outcome;
}

int cresolver_search(char *domains, size_t capacity) {
    struct __res_state state;
    memset(&state, 0, sizeof state);
    if (capacity == 0 || res_ninit(&state) != 0) return -1;
    size_t used = 0;
    for (int place = 0; place < MAXDNSRCH && state.dnsrch[place]; place++) {
        size_t length = strlen(state.dnsrch[place]);
        if (used + length + 2 > capacity) break;
        if (used > 0) domains[used++] = ' ';
        memcpy(domains + used, state.dnsrch[place], length);
        used += length;
    }
    domains[used] = 0;
    int dots = (int)state.ndots;
    res_nclose(&state);
    return dots;
}
