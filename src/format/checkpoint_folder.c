/* checkpoint_folder.c - listing, locking and pruning the folder of a run's checkpoints. */
#define _DEFAULT_SOURCE /* flock */

#include "format/checkpoint_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define PREFIX "checkpoint-"
#define SUFFIX ".safetensors"

static bp_status fail_system(bp_status status, const char *doing, const char *folder, const char *advice)
{
    int code = errno;
    char text[128];
    if (strerror_r(code, text, sizeof text) != 0) {
        snprintf(text, sizeof text, "error %d", code);
    }
    return bp_fail(status, "%s %s: %s%s", doing, folder, text, advice);
}

/* ---- names ------------------------------------------------------------------------------------------------------- */

char *bp_checkpoint_path(const char *folder, uint64_t step, const bp_allocator *a)
{
    size_t room = strlen(folder) + 64;
    char *path = bp_alloc(a, room, 1);
    if (path) {
        snprintf(path, room, "%s/" PREFIX "%012" PRIu64 SUFFIX, folder, step);
    }
    return path;
}

/* The step in "checkpoint-000000000120.safetensors"; false where a name is none of ours. */
static bool parse_name(uint64_t *step, const char *name)
{
    if (strncmp(name, PREFIX, strlen(PREFIX)) != 0) {
        return false;
    }
    const char *digits = name + strlen(PREFIX);
    size_t n = strspn(digits, "0123456789");
    errno = 0;
    *step = strtoull(digits, NULL, 10);
    bool plain = n == 12 || (n > 12 && *digits != '0'); /* a step has one name */
    return plain && errno == 0 && strcmp(digits + n, SUFFIX) == 0;
}

/* What bp_writer_open calls a file until it is complete. */
static bool is_leftover(const char *name)
{
    size_t n = strlen(name);
    return strncmp(name, PREFIX, strlen(PREFIX)) == 0 && strstr(name, SUFFIX ".backprop-") != NULL && n > 4 &&
           strcmp(name + n - 4, ".tmp") == 0;
}

bool bp_checkpoint_same_folder(const char *a, const char *b)
{
    struct stat first, second;
    return stat(a, &first) == 0 && stat(b, &second) == 0 && first.st_dev == second.st_dev &&
           first.st_ino == second.st_ino;
}

/* ---- listing ----------------------------------------------------------------------------------------------------- */

bp_status bp_checkpoint_list_add(bp_checkpoint_list *list, uint64_t step)
{
    enum { FIRST_ROOM = 16 };
    if (list->count == list->room) {
        size_t room = list->room ? 2 * list->room : FIRST_ROOM;
        uint64_t *longer = bp_alloc(&list->allocator, room, sizeof *longer);
        if (!longer) {
            return BP_ERR_MEMORY;
        }
        if (list->count) {
            memcpy(longer, list->step, list->count * sizeof *longer);
        }
        bp_release(&list->allocator, list->step);
        list->step = longer;
        list->room = room;
    }
    list->step[list->count++] = step;
    return BP_OK;
}

void bp_checkpoint_list_remove(bp_checkpoint_list *list, uint64_t step)
{
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++) {
        if (list->step[i] != step) {
            list->step[kept++] = list->step[i];
        }
    }
    list->count = kept;
}

bool bp_checkpoint_list_has(const bp_checkpoint_list *list, uint64_t step)
{
    for (size_t i = 0; i < list->count; i++) {
        if (list->step[i] == step) {
            return true;
        }
    }
    return false;
}

void bp_checkpoint_list_free(bp_checkpoint_list *list)
{
    bp_release(&list->allocator, list->step);
    *list = (bp_checkpoint_list){.allocator = list->allocator};
}

static int newest_first(const void *a, const void *b)
{
    uint64_t s = *(const uint64_t *)a, t = *(const uint64_t *)b;
    return (s < t) - (s > t);
}

bp_status bp_checkpoint_list_make(bp_checkpoint_list *out, const char *folder, const bp_allocator *a)
{
    *out = (bp_checkpoint_list){.allocator = bp_allocator_or_default(a)};
    DIR *d = opendir(folder);
    if (!d) {
        return fail_system(BP_ERR_DATA, "reading the checkpoints in", folder,
                           "; expected the folder in which an earlier run left its checkpoints");
    }
    bp_status status = BP_OK;
    for (struct dirent *e; status == BP_OK && (e = readdir(d));) {
        uint64_t step;
        if (parse_name(&step, e->d_name)) {
            status = bp_checkpoint_list_add(out, step);
        }
    }
    closedir(d);
    if (out->count) {
        qsort(out->step, out->count, sizeof *out->step, newest_first);
    }
    return status;
}

/* ---- writing there ----------------------------------------------------------------------------------------------- */

/* A folder is on disk once the one that it lies in is. */
static void sync_parent(const char *folder, const bp_allocator *a)
{
    char *parent = bp_strdup(a, folder);
    if (!parent) {
        return;
    }
    size_t n = strlen(parent);
    while (n > 1 && parent[n - 1] == '/') {
        parent[--n] = '\0';
    }
    char *slash = strrchr(parent, '/');
    if (slash) {
        slash[slash == parent] = '\0';
    }
    int fd = open(slash ? parent : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
    bp_release(a, parent);
}

static void remove_leftovers(const char *folder, int lock)
{
    DIR *d = opendir(folder);
    for (struct dirent *e; d && (e = readdir(d));) {
        if (is_leftover(e->d_name)) {
            unlinkat(lock, e->d_name, 0);
        }
    }
    if (d) {
        closedir(d);
    }
}

bp_status bp_checkpoint_folder_take(int *lock, const char *folder, const bp_allocator *a)
{
    *lock = -1;
    if (mkdir(folder, 0777) == 0) {
        sync_parent(folder, a);
    } else if (errno != EEXIST) {
        return fail_system(BP_ERR_IO, "making the folder for checkpoints", folder,
                           errno == ENOENT ? "; make the folder that it lies in first" : "");
    }
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return fail_system(BP_ERR_IO, "opening the folder for checkpoints", folder, "");
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) { /* other errors: a file system without locks */
        close(fd);
        return bp_fail(BP_ERR_IO,
                       "another process is writing checkpoints into %s: wait for its end, or name another "
                       "folder",
                       folder);
    }
    if (access(folder, W_OK | X_OK) != 0) {
        bp_status status = fail_system(BP_ERR_IO, "writing into the folder for checkpoints", folder, "");
        close(fd);
        return status;
    }
    remove_leftovers(folder, fd);
    *lock = fd;
    return BP_OK;
}

void bp_checkpoint_folder_leave(int lock)
{
    if (lock >= 0) {
        close(lock);
    }
}

void bp_checkpoint_folder_prune(const char *folder, size_t keep, const bp_checkpoint_list *apart, const bp_allocator *a)
{
    bp_checkpoint_list list;
    size_t kept = 0;
    bp_status status = bp_checkpoint_list_make(&list, folder, a);
    for (size_t i = 0; status == BP_OK && i < list.count; i++) {
        if (bp_checkpoint_list_has(apart, list.step[i]) || kept++ < keep) {
            continue;
        }
        char *path = bp_checkpoint_path(folder, list.step[i], a);
        if (path) {
            unlink(path);
        }
        bp_release(a, path);
    }
    bp_checkpoint_list_free(&list);
}
