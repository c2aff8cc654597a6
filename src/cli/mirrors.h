/* mirrors.h - the data sets that `backprop fetch` can get: where they are, and how to know that they are right. */
#ifndef CLI_MIRRORS_H
#define CLI_MIRRORS_H

#include <stddef.h>

enum { REMOTE_FILES = 4, REMOTE_MIRRORS = 2, SHA256_TEXT = 64 };

typedef struct remote_file {
    const char *name;
    size_t bytes;       /* 0: not known */
    const char *sha256; /* SHA256_TEXT hexadecimal digits */
} remote_file;

typedef struct remote_set {
    const char *name, *origin;
    const char *mirror[REMOTE_MIRRORS]; /* in the order in which they are tried; each ends with a slash */
    remote_file file[REMOTE_FILES];
} remote_set;

/* The set of that name, or NULL. */
const remote_set *remote_find(const char *name);
const char *remote_word(size_t index); /* the names; NULL past the last */

#endif
