/* fetch.c - `backprop fetch`: the four files of a public data set, from one mirror or the next, into the cache directory. */
#include <ctype.h>
#include <curl/curl.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/base.h"
#include "download.h"
#include "interrupt.h"
#include "options.h"
#include "output.h"
#include "source.h"
#include "terminal.h"

enum { FOLDER_ROOM = 1024, PATH_ROOM = 1100, URL_ROOM = 1024 };
static const double redraw_seconds = 0.1;

typedef struct fetching {
    const options *o;
    remote_set set;
    char sums[REMOTE_FILES][SHA256_TEXT + 1]; /* those of --sums */
    char mirror[URL_ROOM];                    /* that of --mirror */
    size_t mirrors, best;                     /* how many; the one that delivered last */
    char folder[FOLDER_ROOM];
    double timeout;
    terminal terminal; /* of stderr */
    bool quiet;
    const remote_file *current;
    double began, drawn; /* of the current file */
    size_t first;        /* bytes of it that were here before; SIZE_MAX: not known yet */
    size_t fetched;      /* files that had to be fetched */
} fetching;

/* ---- what to fetch, from where ----------------------------------------------------------------------------------- */

static bp_status choose_set(fetching *f)
{
    const char *name = f->o->positional[0];
    const remote_set *set = remote_find(name);
    size_t count = 0;
    while (remote_word(count) != NULL) {
        count++;
    }
    for (size_t i = 0; data_word(i) != NULL && set == NULL; i++) {
        if (strcmp(name, data_word(i)) == 0) {
            return bp_fail(BP_ERR_ARGUMENT, "%s is generated, there is nothing to fetch: backprop train %s", name,
                           name);
        }
    }
    if (set == NULL) {
        return bp_fail_unknown("data set to fetch", name, remote_word, count);
    }
    f->set = *set;
    return BP_OK;
}

/* --mirror takes the place of all others. */
static bp_status choose_mirrors(fetching *f)
{
    f->mirrors = REMOTE_MIRRORS;
    if (!given(f->o, OPT_MIRROR)) {
        return BP_OK;
    }
    const char *url = f->o->value[OPT_MIRROR].text;
    size_t length = strlen(url);
    if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0) {
        return bp_fail(BP_ERR_ARGUMENT, "--mirror needs an address that begins with http:// or https://, not \"%s\"",
                       url);
    }
    if (length + 2 > sizeof f->mirror) {
        return bp_fail(BP_ERR_ARGUMENT, "--mirror: the address is longer than %zu characters", sizeof f->mirror - 2);
    }
    snprintf(f->mirror, sizeof f->mirror, "%s%s", url, url[length - 1] == '/' ? "" : "/");
    f->set.mirror[0] = f->mirror;
    f->mirrors = 1;
    return BP_OK;
}

/* Takes a line "SHA256  NAME", as sha256sum writes it, if it is about a file of the set. */
static void take_sum(fetching *f, const char *line)
{
    size_t digits = strspn(line, "0123456789abcdefABCDEF");
    if (digits != SHA256_TEXT || line[digits] != ' ') {
        return;
    }
    const char *name = line + digits + strspn(line + digits, " *");
    size_t length = strcspn(name, "\r\n");
    for (size_t i = 0; i < REMOTE_FILES; i++) {
        remote_file *file = &f->set.file[i];
        if (strlen(file->name) != length || strncmp(file->name, name, length) != 0) {
            continue;
        }
        for (size_t k = 0; k < digits; k++) {
            f->sums[i][k] = (char)tolower((unsigned char)line[k]);
        }
        file->sha256 = f->sums[i];
        file->bytes = 0; /* a file with another sum may have another size */
    }
}

static bp_status read_sums(fetching *f)
{
    char line[512];
    if (!given(f->o, OPT_SUMS)) {
        return BP_OK;
    }
    const char *path = f->o->value[OPT_SUMS].text;
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        return bp_fail(BP_ERR_IO, "cannot read the checksums %s: %s", path, strerror(errno));
    }
    while (fgets(line, sizeof line, file) != NULL) {
        take_sum(f, line);
    }
    fclose(file);
    for (size_t i = 0; i < REMOTE_FILES; i++) {
        if (f->sums[i][0] == '\0') {
            return bp_fail(BP_ERR_FORMAT, "%s has no SHA-256 of %s: expected lines as sha256sum writes them", path,
                           f->set.file[i].name);
        }
    }
    return BP_OK;
}

/* ---- where to ---------------------------------------------------------------------------------------------------- */

static bp_status make_folders(char *path)
{
    for (char *slash = path + 1;; slash++) {
        slash += strcspn(slash, "/");
        char end = *slash;
        *slash = '\0';
        int failed = mkdir(path, 0777) != 0 && errno != EEXIST ? errno : 0;
        if (failed != 0) {
            bp_fail(BP_ERR_IO, "cannot make the folder %s: %s", path, strerror(failed));
        }
        *slash = end;
        if (failed != 0) {
            return BP_ERR_IO;
        }
        if (end == '\0') {
            return BP_OK;
        }
    }
}

static bp_status choose_folder(fetching *f)
{
    char cache[FOLDER_ROOM / 2];
    source_cache_dir(cache, sizeof cache);
    const char *base = text_or(f->o, OPT_FETCH_DIR, cache);
    if (base[0] == '\0') {
        return bp_fail(BP_ERR_IO, "there is no cache directory, neither $XDG_CACHE_HOME nor $HOME is set; name a "
                                  "folder with --data-dir");
    }
    int n = snprintf(f->folder, sizeof f->folder, "%s/%s", base, f->set.name);
    if (n < 0 || (size_t)n >= sizeof f->folder) {
        return bp_fail(BP_ERR_IO, "the path %s is too long", base);
    }
    return make_folders(f->folder);
}

/* ---- progress ---------------------------------------------------------------------------------------------------- */

/* "  42 % of 9.9 MB  1.1 MB/s  5 s left" */
static void live_text(char *out, size_t size, const fetching *f, size_t done, size_t total, double seconds)
{
    char bytes[NUMBER_SIZE], rate[NUMBER_SIZE], left[NUMBER_SIZE];
    size_t used = 0;
    double speed = seconds > 0 ? (double)(done - f->first) / seconds : 0;
    if (total > 0) {
        used = (size_t)snprintf(out, size, "  %.0f %% of %s", 100 * (double)done / (double)total,
                                bytes_text(bytes, (double)total));
    } else {
        used = (size_t)snprintf(out, size, "  %s", bytes_text(bytes, (double)done));
    }
    if (speed > 0) {
        used += (size_t)snprintf(out + used, size - used, "  %s/s", bytes_text(rate, speed));
    }
    if (speed > 0 && total >= done) {
        snprintf(out + used, size - used, "  %s left", duration_text(left, (double)(total - done) / speed));
    }
}

static void draw(fetching *f, size_t done, size_t total, double now)
{
    char text[200], bar[3 * 40 + 1] = "";
    f->terminal = terminal_of(stderr); /* its width may have changed */
    live_text(text, sizeof text, f, done, total, now - f->began);
    size_t used = strlen(f->current->name) + strlen(text) + 2, width = f->terminal.width;
    if (total > 0 && width > used + 8) {
        progress_bar(bar, &f->terminal, (double)done / (double)total, width - used < 40 ? width - used : 40);
    }
    if (used > width) { /* a narrow terminal: the end gives way */
        text[width > strlen(f->current->name) + 2 ? width - strlen(f->current->name) - 2 : 0] = '\0';
    }
    fprintf(stderr, "\r\033[K%.*s %s%s%s%s", (int)width - 1, f->current->name, style_on(&f->terminal, STYLE_ACCENT),
            bar, style_off(&f->terminal), text);
    fflush(stderr);
}

static bool on_bytes(void *ctx, size_t done, size_t total)
{
    fetching *f = ctx;
    double now = bp_seconds();
    if (f->first == SIZE_MAX || done < f->first) {
        f->first = done;
        f->began = now;
    }
    if (!f->quiet && f->terminal.live && now - f->drawn >= redraw_seconds) {
        f->drawn = now;
        draw(f, done, total, now);
    }
    return !interrupt_seen();
}

/* A line that stays: the file, and what became of it. */
static void say(const fetching *f, const char *name, const char *text)
{
    if (f->quiet) {
        return;
    }
    fprintf(stderr, "%s%-26s ", f->terminal.live ? "\r\033[K" : "", name);
    wrap_text(stderr, text, 27, 27, wrap_width(&f->terminal));
}

/* ---- files ------------------------------------------------------------------------------------------------------- */

static void path_of(char *out, const fetching *f, const remote_file *file)
{
    snprintf(out, PATH_ROOM, "%s/%s", f->folder, file->name);
}

/* Whether the file is there and right. */
static bool is_here(const fetching *f, const remote_file *file)
{
    char path[PATH_ROOM], sha256[SHA256_TEXT + 1];
    struct stat there;
    path_of(path, f, file);
    if (stat(path, &there) != 0 || file_sha256(sha256, path) != BP_OK) {
        return false;
    }
    if (strcmp(sha256, file->sha256) == 0) {
        return true;
    }
    say(f, file->name, "is here, but damaged or another one; fetching it again");
    return false;
}

static bp_status fetch_from(fetching *f, const remote_file *file, const char *mirror)
{
    char url[URL_ROOM + 64], path[PATH_ROOM], text[URL_ROOM + 64], size[NUMBER_SIZE];
    struct stat got;
    snprintf(url, sizeof url, "%s%s", mirror, file->name);
    path_of(path, f, file);
    f->current = file;
    f->first = SIZE_MAX;
    f->drawn = 0;
    download d = {url, path, file->sha256, file->bytes, f->timeout, on_bytes, f};
    bp_status status = download_file(&d);
    if (status == BP_OK && stat(path, &got) == 0) {
        snprintf(text, sizeof text, "%s from %s", bytes_text(size, (double)got.st_size), mirror);
        say(f, file->name, text);
    }
    return status;
}

static bp_status none_delivered(const fetching *f, const remote_file *file)
{
    return bp_fail(BP_ERR_DATA,
                   "no mirror delivered %s of %s\nWhat has arrived is kept, and the next backprop fetch %s goes on "
                   "from there. Without a network, or when the mirrors have moved: name another one with --mirror "
                   "URL, or get the four files elsewhere and put them into %s",
                   file->name, f->set.name, f->set.name, f->folder);
}

/* The mirror that delivered last is asked first, the others in the order of the table. */
static bp_status fetch_file(fetching *f, const remote_file *file)
{
    for (size_t i = 0; i < f->mirrors; i++) {
        size_t mirror = (f->best + i) % f->mirrors;
        char text[1200];
        bp_status status = fetch_from(f, file, f->set.mirror[mirror]);
        if (status == BP_OK) {
            f->best = mirror;
            f->fetched++;
        }
        if (status != BP_ERR_DATA) {
            return status;
        }
        bool was_quiet = f->quiet;
        f->quiet = false; /* reasons are told in any case */
        snprintf(text, sizeof text, "%s %s", f->set.mirror[mirror], bp_error());
        say(f, file->name, text);
        f->quiet = was_quiet;
    }
    return none_delivered(f, file);
}

static bp_status fetch_files(fetching *f)
{
    for (size_t i = 0; i < REMOTE_FILES; i++) {
        const remote_file *file = &f->set.file[i];
        if (interrupt_seen()) {
            return bp_fail(BP_ERR_STOPPED, "stopped");
        }
        if (is_here(f, file)) {
            say(f, file->name, "is here already");
            continue;
        }
        bp_status status = fetch_file(f, file);
        if (status != BP_OK) {
            return status;
        }
    }
    return BP_OK;
}

/* ---- the command ------------------------------------------------------------------------------------------------- */

static exit_code fetch_json(const fetching *f)
{
    json_t *o = json_object();
    json_put_text(o, "data", f->set.name);
    json_put_text(o, "folder", f->folder);
    json_put_size(o, "files", REMOTE_FILES);
    json_put_size(o, "fetched", f->fetched);
    return json_print(stdout, o);
}

static exit_code report(const fetching *f)
{
    if (given(f->o, OPT_JSON)) {
        return fetch_json(f);
    }
    terminal t = terminal_of(stdout);
    printf("%s is in %s\n", f->set.name, f->folder);
    if (t.live && !f->quiet && given(f->o, OPT_FETCH_DIR)) {
        printf("next: backprop train %s --data-dir %s\n", f->set.name, f->o->value[OPT_FETCH_DIR].text);
    } else if (t.live && !f->quiet) {
        printf("next: backprop train %s\n", f->set.name);
    }
    return CODE_OK;
}

static exit_code finish(const fetching *f, bp_status status)
{
    if (f->terminal.live && !f->quiet && status != BP_OK) {
        fputs("\r\033[K", stderr);
    }
    switch (status) {
    case BP_OK:
        return report(f);
    case BP_ERR_STOPPED:
        fprintf(stderr,
                "backprop: interrupted; what has arrived is kept, and the next backprop fetch %s goes on from there\n",
                f->set.name);
        return CODE_INTERRUPTED;
    case BP_ERR_DATA:
        return fail_as(CODE_NETWORK);
    case BP_ERR_IO:
        return fail_as(CODE_OUTPUT);
    default:
        return fail_as(CODE_FAULT);
    }
}

exit_code run_fetch(const options *o)
{
    fetching f = {.o = o, .timeout = real_or(o, OPT_TIMEOUT, DEFAULT_TIMEOUT), .quiet = given(o, OPT_QUIET)};
    f.terminal = terminal_of(stderr);
    if (choose_set(&f) != BP_OK || choose_mirrors(&f) != BP_OK) {
        return fail_usage(&command_table[CMD_FETCH]);
    }
    if (read_sums(&f) != BP_OK) {
        return fail_as(CODE_DATA);
    }
    if (choose_folder(&f) != BP_OK) {
        return fail_as(CODE_OUTPUT);
    }
    if (!f.quiet) {
        wrap_text(stderr, f.set.origin, 0, 2, wrap_width(&f.terminal));
    }
    interrupt_watch();
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        bp_fail(BP_ERR_STATE, "starting libcurl failed");
        return fail_as(CODE_FAULT);
    }
    bp_status status = fetch_files(&f);
    curl_global_cleanup();
    return finish(&f, status);
}
