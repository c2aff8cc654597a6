/* download.h - one file from one URL, resumed where it was cut, checked, and put into place whole or not at all. */
#ifndef CLI_DOWNLOAD_H
#define CLI_DOWNLOAD_H

#include "cli.h"
#include "mirrors.h"

typedef struct download {
    const char *url;
    const char *path; /* where the file goes; until it is complete and right it is PATH.part, which is kept for later */
    const char *sha256; /* what it must have, lower case */
    size_t bytes;       /* what it must have; 0: not known */
    double timeout;     /* seconds without a byte after which the server is given up */
    /* Called now and then; total 0: not known. Returning false stops. */
    bool (*on_bytes)(void *ctx, size_t done, size_t total);
    void *ctx;
} download;

/* BP_ERR_DATA: this server does not deliver the file, another may; BP_ERR_IO: it cannot be written here; BP_ERR_STOPPED. */
bp_status download_file(const download *d);

/* The SHA-256 of a file as lower-case text. out: SHA256_TEXT + 1 bytes. */
bp_status file_sha256(char *out, const char *path);

#endif
