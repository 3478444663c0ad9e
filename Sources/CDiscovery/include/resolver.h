// Questions to the DNS through glibc's resolver, which reads resolv.conf and asks the servers there; with answers taken
// apart. Blocks the calling thread; any number of threads may ask at once.
#pragma once

#include <stddef.h>
#include <stdint.h>

typedef struct cresolver_record {
    /// The type of the record: 1 A, 2 NS, 15 MX, 28 AAAA, 33 SRV.
    int type;
    /// Of an SRV record.
    uint16_t port;
    /// The name that the record points to, without the final dot; empty for addresses.
    char target[1025];
    /// Of an A or AAAA record, as text.
    char address[46];
} cresolver_record;

/// Takes one record; called for each of the types above, in the order of the answer.
typedef void (*cresolver_visitor)(void *context, const cresolver_record *record);

enum {
    CRESOLVER_ANSWERED = 0,
    /// A server says that the name does not exist.
    CRESOLVER_NO_SUCH_NAME = 1,
    /// No server gave a usable answer.
    CRESOLVER_FAILED = 2,
};

/// Asks for the records of a name that ends with a dot. Returns one of the above; an answer may be empty.
int cresolver_query(const char *name, int type, void *context, cresolver_visitor visit);

/// Takes apart an answer of the DNS: what `cresolver_query` does with what it received, for tests.
int cresolver_parse(const uint8_t *message, size_t length, void *context, cresolver_visitor visit);

/// Copies the search list of resolv.conf, separated by blanks, and returns how many dots make a name absolute; -1 when
/// there is no configuration.
int cresolver_search(char *domains, size_t capacity);
