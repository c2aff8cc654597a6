/* input.h - the bytes that a fuzz target is given, as a file: the readers take paths.
 *
 * The file has no name on disk and ends with the process (memfd_create(2)); its path is /proc/self/fd/N. */
#ifndef FUZZ_INPUT_H
#define FUZZ_INPUT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* What libFuzzer, or examples.c, calls for every input. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A target that cannot do its work says so and dies; it must not look as if all went well. */
static inline void input_demand(bool ok, const char *what)
{
    if (!ok) {
        perror(what);
        abort();
    }
}

/* The path of a file with these bytes, the same file every time. */
static inline const char *input_path(const uint8_t *data, size_t size)
{
    static int fd = -1;
    static char path[64];
    if (fd < 0) {
        fd = memfd_create("fuzz", MFD_CLOEXEC);
        input_demand(fd >= 0, "memfd_create");
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    }
    input_demand(ftruncate(fd, 0) == 0, "ftruncate");
    for (size_t done = 0; done < size;) {
        ssize_t n = pwrite(fd, data + done, size - done, (off_t)done);
        input_demand(n > 0, "pwrite");
        done += (size_t)n;
    }
    return path;
}

#endif
