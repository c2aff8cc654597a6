/* data.c - `backprop data`: the data sets there are, what is in one of them, and writing it as IDX files. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base.h"
#include "interrupt.h"
#include "memory.h"
#include "mirrors.h"
#include "output.h"
#include "picture.h"
#include "source.h"
#include "terminal.h"

enum { PATH_ROOM = 1200, SHEET_COLUMNS = 24, SHEET_ROWS = 16, SHOWN = 8 };

/* ---- the list ---------------------------------------------------------------------------------------------------- */

/* Where a set is: "" if it is not here. */
static void find_set(char *path, size_t size, const bp_dataset_info *info, const data_places *places)
{
    bp_dataset_options look = bp_dataset_defaults();
    look.dirs = places->dir;
    look.dir_count = places->count;
    if (info->generated || !bp_dataset_find(path, size, info->name, &look)) {
        path[0] = '\0';
    }
}

static exit_code list_json(const data_places *places)
{
    json_t *o = json_object(), *sets = json_array();
    for (size_t i = 0; data_word(i) != NULL; i++) {
        bp_dataset_info info = bp_dataset_list(i);
        char path[PATH_ROOM];
        json_t *one = json_object();
        find_set(path, sizeof path, &info, places);
        json_put_text(one, "name", info.name);
        json_put_text(one, "summary", info.summary);
        json_put_bool(one, "generated", info.generated);
        json_put_bool(one, "here", info.generated || path[0] != '\0');
        json_put_text(one, "folder", path[0] != '\0' ? path : NULL);
        json_array_append_new(sets, one);
    }
    json_object_set_new(o, "sets", sets);
    return json_print(stdout, o);
}

static void list_entry(const terminal *t, const bp_dataset_info *info, const char *path)
{
    char where[PATH_ROOM + 64];
    if (info->generated) {
        snprintf(where, sizeof where, "generated, always here");
    } else if (path[0] != '\0') {
        snprintf(where, sizeof where, "here, in %s", path);
    } else {
        snprintf(where, sizeof where, "not here%s%s", remote_find(info->name) != NULL ? "; backprop fetch " : "",
                 remote_find(info->name) != NULL ? info->name : "");
    }
    size_t width = wrap_width(t);
    bool missing = !info->generated && path[0] == '\0';
    fprintf(t->file, "%s%-14s%s", style_on(t, STYLE_ACCENT), info->name, style_off(t));
    wrap_text(t->file, info->summary, 14, 14, width);
    fprintf(t->file, "%-14s%s", "", style_on(t, missing ? STYLE_OFF : STYLE_DIM));
    wrap_text(t->file, where, 14, 14, width);
    fputs(style_off(t), t->file);
}

static exit_code list_sets(const options *o)
{
    data_places places;
    source_places(&places, o);
    if (given(o, OPT_JSON)) {
        return list_json(&places);
    }
    terminal t = terminal_of(stdout);
    for (size_t i = 0; data_word(i) != NULL; i++) {
        bp_dataset_info info = bp_dataset_list(i);
        char path[PATH_ROOM];
        find_set(path, sizeof path, &info, &places);
        list_entry(&t, &info, path);
    }
    fprintf(t.file, "%-14s", "DIRECTORY");
    wrap_text(t.file, directory_text(), 14, 14, wrap_width(&t));
    return CODE_OK;
}

/* ---- what is in a set -------------------------------------------------------------------------------------------- */

/* The first rows as pictures, on a terminal. */
static void draw_first(const terminal *t, const bp_data *d)
{
    picture pictures[SHOWN];
    size_t count = d->rows < SHOWN ? d->rows : SHOWN;
    double *pixels = t->live && d->height > 0 ? cli_alloc(count * d->inputs, sizeof *pixels) : NULL;
    if (pixels == NULL) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        double *pixel = pixels + i * d->inputs;
        picture_pixels(pixel, d, i);
        const char *name = d->class_names != NULL && d->classes > 0 ? d->class_names[d->label[i]] : "";
        pictures[i] = (picture){pixel, d->height, d->width, name};
    }
    fputc('\n', t->file);
    draw_pictures(t, pictures, count, 2);
    cli_release(pixels);
}

static size_t count_label(const bp_data *d, size_t label)
{
    size_t count = 0;
    for (size_t i = 0; i < d->rows; i++) {
        count += (size_t)d->label[i] == label;
    }
    return count;
}

static void print_classes(const terminal *t, const bp_data *train, const bp_data *test)
{
    char a[NUMBER_SIZE], b[NUMBER_SIZE];
    fprintf(t->file, "\n%s%-16s %9s %9s%s\n", style_on(t, STYLE_BOLD), "class", "training", "test", style_off(t));
    for (size_t c = 0; c < train->classes; c++) {
        fprintf(t->file, "%-16s %9s", train->class_names != NULL ? train->class_names[c] : "",
                number_text(a, (double)count_label(train, c)));
        fprintf(t->file, " %9s\n", test->rows > 0 ? number_text(b, (double)count_label(test, c)) : "-");
    }
}

/* "60,000 training rows, 10,000 test rows, 28 x 28 pixels of type u8, 10 classes" */
static void describe(char *out, size_t size, const bp_dataset *set)
{
    char train[NUMBER_SIZE], test[NUMBER_SIZE] = "no", shape[64];
    const bp_data *d = &set->train;
    if (d->height > 0) {
        snprintf(shape, sizeof shape, "%zu x %zu pixels", d->height, d->width);
    } else {
        snprintf(shape, sizeof shape, "%zu inputs", d->inputs);
    }
    if (set->test.rows > 0) {
        number_text(test, (double)set->test.rows);
    }
    snprintf(out, size, "%s training rows, %s test rows, %s of type %s, %zu %s", number_text(train, (double)d->rows),
             test, shape, bp_type_name(d->x_type), d->classes > 0 ? d->classes : d->targets,
             d->classes > 0 ? "classes" : "numbers to predict");
}

static void show_set(const bp_dataset *set)
{
    char text[256];
    terminal t = terminal_of(stdout);
    size_t width = wrap_width(&t);
    describe(text, sizeof text, set);
    fprintf(t.file, "%s%-9s%s", style_on(&t, STYLE_DIM), "data", style_off(&t));
    wrap_text(t.file, text, 9, 9, width);
    fprintf(t.file, "%s%-9s%s", style_on(&t, STYLE_DIM), "from", style_off(&t));
    wrap_text(t.file, set->source, 9, 9, width);
    if (set->train.classes > 0) {
        print_classes(&t, &set->train, &set->test);
    }
    draw_first(&t, &set->train);
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

/* The four files, images and labels of each part. */
static const char *const file_name[2][2] = {{"train-images-idx3-ubyte", "train-labels-idx1-ubyte"},
                                            {"t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"}};

static bp_status path_in(char *path, const char *dir, const char *name, const char *ending)
{
    int n = snprintf(path, PATH_ROOM, "%s/%s%s", dir, name, ending);
    return n > 0 && n < PATH_ROOM ? BP_OK : bp_fail(BP_ERR_IO, "the path %s is too long", dir);
}

/* A directory with files of another set in it would become a mixture: a packed file beside a plain one, or a test part
 * that belongs to other training rows. */
static bp_status check_place(const char *dir, bool has_test, bool force)
{
    static const char *const endings[] = {"", ".gz"};
    char path[PATH_ROOM];
    for (size_t i = 0; i < 8; i++) {
        bool test = i >= 4, packed = i % 2 == 1;
        bp_status status = path_in(path, dir, file_name[test][i / 2 % 2], endings[packed]);
        if (status != BP_OK) {
            return status;
        }
        if (access(path, F_OK) != 0) {
            continue;
        }
        if (!force) {
            return bp_fail(BP_ERR_IO, "%s is there already; --force replaces it", path);
        }
        if (packed || (test && !has_test)) {
            return bp_fail(BP_ERR_IO, "%s would be mixed with the files to be written; remove it first", path);
        }
    }
    return BP_OK;
}

static bp_status write_images(const char *path, const bp_data *d)
{
    if (d->fill != NULL) {
        return bp_fail(BP_ERR_DATA, "%s: tables cannot be written as IDX files, only images and arrays can", path);
    }
    bp_array a = {.type = d->x_type, .shape = {3, {d->rows, d->height, d->width, 0}}};
    memcpy(&a.data, &d->x, sizeof a.data); /* only read: bp_idx_write takes a constant array */
    if (d->height == 0) {
        a.shape = (bp_shape){2, {d->rows, d->inputs, 0, 0}};
    }
    return bp_idx_write(path, &a);
}

static bp_status write_labels(const char *path, const bp_data *d)
{
    uint8_t *bytes = cli_alloc(d->rows, 1);
    if (bytes == NULL) {
        return BP_ERR_MEMORY;
    }
    for (size_t i = 0; i < d->rows; i++) {
        bytes[i] = (uint8_t)d->label[i]; /* a set has at most 256 classes: see check_labels */
    }
    bp_array a = {.type = BP_U8, .shape = {1, {d->rows, 0, 0, 0}}, .data = bytes};
    bp_status status = bp_idx_write(path, &a);
    cli_release(bytes);
    return status;
}

static bp_status check_labels(const bp_dataset *set)
{
    if (set->train.classes > 0 && set->train.classes <= 256) {
        return BP_OK;
    }
    return bp_fail(BP_ERR_DATA, "%s cannot be written as IDX files: they need 1 to 256 classes, it has %zu", set->name,
                   set->train.classes);
}

static bp_status write_file(const char *dir, const bp_data *d, bool test, bool labels)
{
    char path[PATH_ROOM], size[NUMBER_SIZE];
    struct stat written;
    bp_status status = path_in(path, dir, file_name[test][labels], "");
    if (status == BP_OK && interrupt_seen()) {
        status = bp_fail(BP_ERR_STATE, "interrupted before %s was written", path);
    }
    if (status == BP_OK) {
        status = labels ? write_labels(path, d) : write_images(path, d);
    }
    if (status == BP_OK && stat(path, &written) == 0) {
        fprintf(stderr, "%s  %s\n", path, bytes_text(size, (double)written.st_size));
    }
    return status;
}

static bp_status write_set(const bp_dataset *set, const char *dir)
{
    bp_status status = BP_OK;
    if (mkdir(dir, 0777) != 0 && errno != EEXIST) {
        return bp_fail(BP_ERR_IO, "cannot make the directory %s: %s", dir, strerror(errno));
    }
    for (int i = 0; i < (set->test.rows > 0 ? 4 : 2) && status == BP_OK; i++) {
        status = write_file(dir, i < 2 ? &set->train : &set->test, i >= 2, i % 2 == 1);
    }
    return status;
}

static bp_status write_sheet(const bp_dataset *set, const char *path, bool force)
{
    size_t ending = strlen(path) > 4 ? strlen(path) - 4 : 0;
    if (strcmp(path + ending, ".png") != 0 && strcmp(path + ending, ".pgm") != 0) {
        return bp_fail(BP_ERR_IO, "--sheet writes .png or .pgm, not %s", path);
    }
    if (!force && access(path, F_OK) == 0) {
        return bp_fail(BP_ERR_IO, "%s is there already; --force replaces it", path);
    }
    return bp_image_sheet(path, &set->train, SHEET_COLUMNS, SHEET_ROWS);
}

/* ---- the command ------------------------------------------------------------------------------------------------- */

static exit_code set_json(const bp_dataset *set, const char *dir, const char *sheet)
{
    json_t *o = json_object();
    json_put_text(o, "name", set->name);
    json_put_text(o, "source", set->source);
    json_put_size(o, "rows", set->train.rows);
    json_put_size(o, "test_rows", set->test.rows);
    json_put_size(o, "inputs", set->train.inputs);
    json_put_size(o, "classes", set->train.classes);
    json_put_text(o, "out", dir);
    json_put_text(o, "sheet", sheet);
    return json_print(stdout, o);
}

static void say_written(const char *dir, const char *sheet)
{
    terminal t = terminal_of(stdout);
    if (dir != NULL) {
        printf("written to %s\n", dir);
    }
    if (sheet != NULL) {
        printf("contact sheet in %s\n", sheet);
    }
    if (t.live && dir != NULL) {
        printf("next: backprop train %s%s\n", dir, strchr(dir, '/') == NULL ? "/" : "");
    }
}

static bp_status write_all(const bp_dataset *set, const options *o)
{
    const char *dir = text_or(o, OPT_DATA_OUT, NULL), *sheet = text_or(o, OPT_SHEET, NULL);
    bp_status status = dir != NULL ? check_labels(set) : BP_OK;
    if (status == BP_OK && dir != NULL) {
        status = check_place(dir, set->test.rows > 0, given(o, OPT_FORCE));
    }
    if (status == BP_OK && sheet != NULL) {
        status = write_sheet(set, sheet, given(o, OPT_FORCE));
    }
    if (status == BP_OK && dir != NULL) {
        status = write_set(set, dir);
    }
    return status;
}

static exit_code use_set(const bp_dataset *set, const options *o)
{
    const char *dir = text_or(o, OPT_DATA_OUT, NULL), *sheet = text_or(o, OPT_SHEET, NULL);
    interrupt_watch();
    bp_status status = write_all(set, o);
    if (status != BP_OK && interrupt_seen()) {
        return fail_as(CODE_INTERRUPTED);
    }
    if (status != BP_OK) {
        return status == BP_ERR_IO ? fail_as(CODE_OUTPUT) : fail_status(status);
    }
    if (given(o, OPT_JSON)) {
        return set_json(set, dir, sheet);
    }
    if (dir == NULL && sheet == NULL) {
        show_set(set);
    } else {
        say_written(dir, sheet);
    }
    return CODE_OK;
}

exit_code run_data(const options *o)
{
    if (o->positionals == 0 && (given(o, OPT_DATA_OUT) || given(o, OPT_SHEET))) {
        bp_fail(BP_ERR_ARGUMENT, "which data set? backprop data NAME --out DIR");
        return fail_usage(&command_table[CMD_DATA]);
    }
    if (o->positionals == 0) {
        return list_sets(o);
    }
    bp_dataset *set = NULL;
    bp_status status = source_load(&set, o->positional[0], o, size_or(o, OPT_GENERATED_ROWS, 0));
    if (status != BP_OK) {
        return fail_as(status == BP_ERR_MEMORY ? CODE_FAULT : CODE_DATA);
    }
    exit_code code = use_set(set, o);
    bp_dataset_free(set);
    return code;
}
