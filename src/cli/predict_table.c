/* predict_table.c - `backprop predict` on tables: a line in, a line out, in blocks, with constant memory.
 *
 * From a pipe a block is what has arrived, and its answers are flushed before the next wait. The format is a promise: see
 * the help. */
#include <math.h>
#include <string.h>

#include "base/base.h"
#include "csv_text.h"
#include "interrupt.h"
#include "memory.h"
#include "model_columns.h"
#include "output.h"
#include "predict.h"
#include "report.h"

enum { BLOCK = 8192 /* rows of a table */, PREDICTOR_ROWS = 2048 /* at a time */ };

typedef struct table_job {
    const options *o;
    bp_model *model;
    const char *path;
    FILE *file;
    model_columns columns;
    const bp_preparation *preparation; /* of columns */
    bp_table_stream *stream;
    const bp_table *block; /* the rows at hand */
    bp_predictor *predictor;
    bp_type type;
    size_t outputs;
    void *out; /* BLOCK x outputs */
    csv_text text;
    bool *gap;  /* BLOCK: the row has a missing value that the model was not made for */
    size_t *id; /* columns of the stream that name a row */
    size_t ids;
    size_t answers; /* cells that are added to a row */
    size_t seen;    /* rows read */
    size_t gaps;
    bool output_failed;
    bp_prepare_report report; /* of all blocks together */
} table_job;

/* ---- the request ------------------------------------------------------------------------------------------------- */

/* Options of data sets that tables do not have, and what to use instead. */
static const struct {
    option_id id;
    const char *advice;
} not_for_tables[] = {
    {OPT_TOP, "--proba shows the probability of every class"},
    {OPT_DRAW, "it is for images"},
};

static bp_status check_request(const table_job *j)
{
    for (size_t i = 0; i < sizeof not_for_tables / sizeof *not_for_tables; i++) {
        if (given(j->o, not_for_tables[i].id)) {
            return bp_fail(BP_ERR_ARGUMENT, "--%s does not go with tables: %s", option_table[not_for_tables[i].id].name,
                           not_for_tables[i].advice);
        }
    }
    if (given(j->o, OPT_PROBA) && j->columns.task == BP_TABLE_REGRESS) {
        return bp_fail(BP_ERR_ARGUMENT, "--proba is for classes; %s predicts numbers", j->o->positional[0]);
    }
    return table_check_options(j->o, j->path);
}

/* ---- the columns of the output ----------------------------------------------------------------------------------- */

/* "p(setosa)"; out: LINE bytes. */
enum { LINE = 512 };
static const char *column_of(char *out, const char *what, const char *name)
{
    snprintf(out, LINE, "%s(%s)", what, name);
    return out;
}

/* Calls each(ctx, name) for every column that is added to the input's. */
static void each_column(const table_job *j, void (*each)(void *ctx, const char *name), void *ctx)
{
    char name[LINE];
    bool several = j->columns.task != BP_TABLE_CLASSIFY && j->outputs > 1;
    for (size_t k = 0; several && k < j->outputs; k++) {
        each(ctx, column_of(name, "prediction", bp_preparation_class(j->preparation, k)));
    }
    if (!several) {
        each(ctx, "prediction");
    }
    for (size_t k = 0; given(j->o, OPT_PROBA) && k < j->outputs; k++) {
        each(ctx, column_of(name, "p", bp_preparation_class(j->preparation, k)));
    }
}

static void count_name(void *ctx, const char *name)
{
    (void)name;
    ++*(size_t *)ctx;
}

static void write_name(void *ctx, const char *name)
{
    csv_cell(ctx, name);
}

static void write_header(table_job *j, const bp_table *t)
{
    size_t bytes = 0;
    if (!bp_table_has_header(t)) {
        return;
    }
    if (given(j->o, OPT_KEEP)) {
        const char *line = bp_table_line(j->stream, SIZE_MAX, &bytes);
        csv_raw(&j->text, line, bytes);
    }
    for (size_t i = 0; i < j->ids; i++) {
        csv_cell(&j->text, bp_table_column(t, j->id[i]).name);
    }
    each_column(j, write_name, &j->text);
    csv_line_end(&j->text);
}

typedef struct collision {
    const bp_table *table;
    const char *path;
    bp_status status;
} collision;

static void look_for(void *ctx, const char *name)
{
    collision *c = ctx;
    for (size_t i = 0; i < bp_table_columns(c->table) && c->status == BP_OK; i++) {
        if (strcmp(bp_table_column(c->table, i).name, name) == 0) {
            c->status =
                bp_fail(BP_ERR_DATA, "--keep: %s has a column \"%s\" already; rename or remove it, or leave --keep out",
                        c->path, name);
        }
    }
}

/* What the output takes from the input: the whole line, or the columns that name the row. */
static bp_status choose_columns(table_job *j, const bp_table *t)
{
    if (given(j->o, OPT_KEEP)) {
        size_t bytes;
        if (bp_table_rows(t) > 0 && bp_table_line(j->stream, 0, &bytes) == NULL) {
            return bp_fail(BP_ERR_ARGUMENT, "--keep: %s has no lines of text to keep", table_title(j->path));
        }
        collision c = {t, table_title(j->path), BP_OK};
        if (bp_table_has_header(t)) {
            each_column(j, look_for, &c);
        }
        return c.status;
    }
    size_t count = 0;
    while (bp_preparation_id(j->preparation, count) != NULL) {
        count++;
    }
    j->id = cli_alloc(count, sizeof *j->id);
    if (j->id == NULL) {
        return BP_ERR_MEMORY;
    }
    for (j->ids = 0; j->ids < count; j->ids++) {
        size_t column = bp_preparation_find(j->preparation, t, bp_preparation_id(j->preparation, j->ids), false);
        if (column == bp_table_columns(t)) {
            return bp_last_status();
        }
        j->id[j->ids] = column;
    }
    return BP_OK;
}

/* ---- rows -------------------------------------------------------------------------------------------------------- */

static double output_at(const table_job *j, size_t row, size_t k)
{
    size_t i = row * j->outputs + k;
    return j->type == BP_F64 ? ((const double *)j->out)[i] : (double)((const float *)j->out)[i];
}

static size_t most_probable(const table_job *j, size_t row)
{
    size_t best = 0;
    for (size_t k = 1; k < j->outputs; k++) {
        best = output_at(j, row, k) > output_at(j, row, best) ? k : best;
    }
    return best;
}

static void write_answers(table_job *j, size_t row)
{
    csv_text *t = &j->text;
    if (j->columns.task == BP_TABLE_CLASSIFY) {
        csv_cell(t, bp_preparation_class(j->preparation, most_probable(j, row)));
    }
    for (size_t k = 0; j->columns.task == BP_TABLE_MULTILABEL && k < j->outputs; k++) {
        csv_cell(t, bp_preparation_label(j->preparation, k, output_at(j, row, k) > 0.5));
    }
    for (size_t k = 0; (j->columns.task == BP_TABLE_REGRESS || given(j->o, OPT_PROBA)) && k < j->outputs; k++) {
        csv_number(t, output_at(j, row, k), j->type);
    }
}

/* No answer: as many empty cells as there would have been. */
static void write_gap(table_job *j)
{
    for (size_t k = 0; k < j->answers; k++) {
        csv_cell(&j->text, NULL);
    }
}

static void write_row(table_job *j, const bp_table *block, size_t row)
{
    size_t bytes = 0;
    if (given(j->o, OPT_KEEP)) {
        const char *line = bp_table_line(j->stream, row, &bytes);
        csv_raw(&j->text, line, bytes);
    }
    for (size_t i = 0; i < j->ids; i++) {
        csv_cell(&j->text, bp_table_text(block, row, j->id[i]));
    }
    if (j->gap[row]) {
        write_gap(j);
    } else {
        write_answers(j, row);
    }
    csv_line_end(&j->text);
}

/* ---- blocks ------------------------------------------------------------------------------------------------------ */

static bool is_missing(const bp_table *t, size_t row, size_t column)
{
    bool text = bp_table_column(t, column).kind == BP_COLUMN_TEXT;
    return text ? bp_table_text(t, row, column) == NULL : isnan(bp_table_number(t, row, column));
}

/* Rows that the model has no answer for: trained with --missing drop it has not learned what to put in. */
static bp_status find_gaps(table_job *j, const bp_table *block)
{
    bp_feature_info f;
    memset(j->gap, 0, BLOCK * sizeof *j->gap);
    if (bp_preparation_missing(j->preparation) != BP_MISSING_DROP) {
        return BP_OK;
    }
    for (size_t i = 0; bp_preparation_feature(j->preparation, i, &f); i++) {
        size_t c = bp_preparation_find(j->preparation, block, f.column, false);
        if (c == bp_table_columns(block)) {
            return bp_last_status();
        }
        for (size_t r = 0; r < bp_table_rows(block); r++) {
            j->gap[r] = j->gap[r] || is_missing(block, r, c);
        }
    }
    return BP_OK;
}

static void add_report(table_job *j, const bp_prepare_report *r)
{
    j->report.missing += r->missing;
    if (j->report.unknown == 0) {
        memcpy(j->report.first_unknown, r->first_unknown, sizeof r->first_unknown);
    }
    j->report.unknown += r->unknown;
}

static bp_status predict_block(table_job *j, const bp_table *block)
{
    bp_dataset *set = NULL;
    bp_prepare_report report;
    size_t rows = bp_table_rows(block);
    bp_status status = find_gaps(j, block);
    if (status == BP_OK) {
        status = bp_preparation_apply(&set, j->preparation, block, NULL, rows, false, NULL, &report);
    }
    if (status == BP_OK) {
        add_report(j, &report);
        status = bp_predict_data(j->predictor, j->out, &set->train, 0, rows);
    }
    bp_dataset_free(set);
    return status;
}

static bp_status write_text(table_job *j, bool flush)
{
    bp_status status = csv_text_write(&j->text, j->file);
    csv_text_clear(&j->text);
    if (status == BP_OK && flush && fflush(j->file) != 0) {
        status = bp_fail(BP_ERR_IO, "the predictions could not be written: is the disk full?");
    }
    j->output_failed = status == BP_ERR_IO;
    return status;
}

/* Writes those rows of the block that are wanted. */
static bp_status write_block(table_job *j, const bp_table *block)
{
    const option_value *range = &j->o->value[OPT_ROW_RANGE];
    for (size_t r = 0; r < bp_table_rows(block); r++) {
        size_t number = j->seen + r;
        if (!range->given || (number >= range->size && number < range->size_end)) {
            j->gaps += j->gap[r];
            write_row(j, block, r);
        }
    }
    /* a block that is not full: the input pauses or ends, and who waits for its answers gets them */
    return write_text(j, bp_table_rows(block) < BLOCK);
}

/* All blocks; the header is written with the first, which may be empty. */
static bp_status predict_blocks(table_job *j)
{
    const option_value *range = &j->o->value[OPT_ROW_RANGE];
    bp_status status = bp_table_next(j->stream, &j->block, BLOCK);
    if (status == BP_OK) {
        status = choose_columns(j, j->block);
    }
    if (status == BP_OK) {
        each_column(j, count_name, &j->answers);
        write_header(j, j->block);
        status = bp_table_rows(j->block) == 0 ? write_text(j, true) : BP_OK;
    }
    while (status == BP_OK && bp_table_rows(j->block) > 0) {
        size_t rows = bp_table_rows(j->block);
        bool wanted = !range->given || (j->seen < range->size_end && j->seen + rows > range->size);
        status = wanted ? predict_block(j, j->block) : BP_OK;
        if (status == BP_OK) {
            status = write_block(j, j->block);
        }
        j->seen += rows;
        if (status != BP_OK || (range->given && j->seen >= range->size_end)) {
            break;
        }
        if (interrupt_seen()) {
            return bp_fail(BP_ERR_STOPPED, "interrupted at row %zu", j->seen);
        }
        status = bp_table_next(j->stream, &j->block, BLOCK);
    }
    if (status == BP_OK && range->given && j->seen < range->size_end) {
        status = bp_fail(BP_ERR_ARGUMENT, "--rows %s: %s has %zu rows", range->text, table_title(j->path), j->seen);
    }
    return status;
}

typedef struct column_list {
    char text[2000]; /* as many as fit */
    size_t used;
} column_list;

static void list_name(void *ctx, const char *name)
{
    column_list *l = ctx;
    const char *shown = l->used + strlen(name) + 8 < sizeof l->text ? name : "...";
    if (l->used + 8 < sizeof l->text) {
        l->used += (size_t)snprintf(l->text + l->used, sizeof l->text - l->used, "%s%s", l->used ? ", " : "", shown);
    }
}

/* Where no line of names says it. */
static void tell_columns(const terminal *t, const table_job *j)
{
    if (j->answers > 1 && j->block != NULL && !bp_table_has_header(j->block)) {
        column_list l = {.used = 0};
        each_column(j, list_name, &l);
        int indent = fprintf(t->file, "last %zu columns: ", j->answers);
        wrap_text(t->file, l.text, (size_t)indent, (size_t)indent, wrap_width(t));
    }
}

/* What a reader of the predictions should know, on stderr. */
static void tell_report(const table_job *j)
{
    const char *why = NULL;
    size_t skipped = j->block != NULL ? bp_table_skipped(j->block, &why) : 0;
    terminal t = terminal_of(stderr);
    say_prepared(&t, &j->report, bp_preparation_missing(j->preparation) == BP_MISSING_IMPUTE);
    say_count(&t, "rows with missing values, left without a prediction since the model was trained with --missing drop",
              j->gaps, NULL);
    say_count(&t, "rows skipped", skipped, why);
    tell_columns(&t, j);
}

/* ---- the command ------------------------------------------------------------------------------------------------- */

static bp_status load_model(table_job *j)
{
    bp_status status = bp_model_load(&j->model, j->o->positional[0], NULL);
    if (status != BP_OK) {
        return status;
    }
    bp_model_options m = bp_model_describe(j->model);
    j->type = m.type;
    j->outputs = m.outputs;
    return columns_begin(&j->columns, j->model, j->o, j->path, false);
}

static bp_status prepare(table_job *j)
{
    const options *o = j->o;
    bp_status status = load_model(j);
    if (status == BP_OK) {
        status = check_request(j);
    }
    if (status == BP_OK) {
        status = columns_open(&j->stream, &j->columns);
    }
    if (status == BP_OK) {
        j->preparation = j->columns.preparation;
        char delimiter = bp_table_delimiter(j->stream);
        j->text = csv_text_new(delimiter != '\0' ? delimiter : ',', j->columns.reading.decimal_comma);
        j->gap = cli_alloc(BLOCK, sizeof *j->gap);
        j->out = cli_alloc(j->outputs * BLOCK, bp_type_size(j->type));
        status = j->gap != NULL && j->out != NULL ? BP_OK : BP_ERR_MEMORY;
    }
    return status == BP_OK ? bp_predictor_new(&j->predictor, j->model, PREDICTOR_ROWS, (int)size_or(o, OPT_THREADS, 0))
                           : status;
}

static void free_job(table_job *j)
{
    bp_predictor_free(j->predictor);
    bp_table_close(j->stream);
    columns_free(&j->columns);
    bp_model_free(j->model);
    csv_text_free(&j->text);
    cli_release(j->out);
    cli_release(j->gap);
    cli_release(j->id);
}

static bp_status check_out(const table_job *j)
{
    const char *out = j->o->value[OPT_TABLE_OUT].text;
    bp_status status = output_apart(out, "--out", j->o->positional[0], "the model");
    if (status == BP_OK) {
        status = output_apart(out, "--out", j->path, "the table");
    }
    return status;
}

/* To --out, whole or not at all, or to stdout, as far as it goes. */
static exit_code write_predictions(table_job *j)
{
    output_file file = {0};
    if (given(j->o, OPT_TABLE_OUT)) {
        if (check_out(j) != BP_OK) {
            return fail_usage(&command_table[CMD_PREDICT]);
        }
        if (output_open(&file, j->o->value[OPT_TABLE_OUT].text) != BP_OK) {
            return fail_as(CODE_OUTPUT);
        }
        j->file = file.file;
        interrupt_watch(); /* without --out there is nothing to clean up: Ctrl-C ends the program at once */
    }
    terminal t = terminal_of(stderr);
    columns_say(&t, &j->columns);
    bp_status status = predict_blocks(j);
    if (status != BP_OK) {
        output_discard(&file);
        return j->output_failed           ? fail_as(CODE_OUTPUT)
               : status == BP_ERR_STOPPED ? fail_as(CODE_INTERRUPTED)
                                          : fail_status(status);
    }
    if (file.file != NULL && output_close(&file) != BP_OK) {
        return fail_as(CODE_OUTPUT);
    }
    tell_report(j);
    return CODE_OK;
}

exit_code predict_table(const options *o)
{
    table_job j = {.o = o, .path = o->positional[1], .file = stdout};
    bp_status status = prepare(&j);
    exit_code code = status == BP_OK ? write_predictions(&j) : fail_status(status);
    free_job(&j);
    return code;
}
