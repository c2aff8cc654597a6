/* explain.c - `backprop explain`: which columns of a table a model goes by. */
#include <math.h>
#include <string.h>

#include "base/base.h"
#include "interrupt.h"
#include "model_columns.h"
#include "output.h"

enum { NAME_COLUMNS = 28, BAR = 24 };

/* ---- what is shown ----------------------------------------------------------------------------------------------- */

static exit_code explain_json(const options *o, const bp_importance *r)
{
    char key[64];
    json_t *result = json_object(), *columns = json_array();
    json_put_text(result, "model", o->positional[0]);
    json_put_text(result, "data", o->positional[1]);
    json_put_size(result, "rows", r->rows);
    json_put_size(result, "repeats", r->repeats);
    json_put_size(result, "seed", size_or(o, OPT_SEED, DEFAULT_SEED));
    json_put(result, "loss", r->loss);
    json_put(result, r->score_name, r->score);
    for (size_t i = 0; i < r->count; i++) {
        const bp_importance_row *row = &r->row[i];
        json_t *one = json_object();
        json_put_text(one, "column", row->column);
        json_put(one, "loss_increase", row->loss);
        json_put(one, "loss_deviation", row->loss_deviation);
        snprintf(key, sizeof key, "%s_decrease", r->score_name);
        json_put(one, key, row->score);
        snprintf(key, sizeof key, "%s_deviation", r->score_name);
        json_put(one, key, row->score_deviation);
        json_array_append_new(columns, one);
    }
    json_object_set_new(result, "columns", columns);
    json_put(result, "seconds", bp_seconds() - o->started);
    return json_print(stdout, result);
}

/* "+0.1234 ± 0.0012" */
static void change_text(char *out, size_t size, const terminal *t, double change, double deviation)
{
    snprintf(out, size, "%+.4f %s %.4f", change, t->unicode ? "±" : "+-", deviation);
}

static size_t name_width(const bp_importance *r)
{
    size_t width = strlen("column");
    for (size_t i = 0; i < r->count; i++) {
        size_t n = text_columns(r->row[i].column);
        width = n > width ? n : width;
    }
    return width < NAME_COLUMNS ? width : NAME_COLUMNS;
}

static void explain_row(const terminal *t, const bp_importance_row *row, double most, size_t width)
{
    enum { CHANGE = 18, LEAST_BAR = 8 };
    char text[64], bar[3 * BAR + 1];
    pad_text(t->file, row->column, width);
    fputs("  ", t->file);
    change_text(text, sizeof text, t, row->loss, row->loss_deviation);
    pad_text(t->file, text, CHANGE);
    fputs("  ", t->file);
    change_text(text, sizeof text, t, -row->score, row->score_deviation);
    pad_text(t->file, text, CHANGE);
    size_t used = width + 2 * CHANGE + 6, room = t->width > used ? t->width - used : 0;
    if (room >= LEAST_BAR) {
        double share = most > 0 ? fmax(row->loss / most, 0) : 0;
        progress_bar(bar, t, 1, (size_t)(share * (double)(room < BAR ? room : BAR) + 0.5));
        fprintf(t->file, "  %s%s%s", style_on(t, STYLE_ACCENT), bar, style_off(t));
    }
    fputc('\n', t->file);
}

static void explain_text(const options *o, const bp_importance *r)
{
    terminal t = terminal_of(stdout);
    char rows[NUMBER_SIZE], loss[NUMBER_SIZE], score[NUMBER_SIZE];
    bool numbers = strcmp(r->score_name, "r2") == 0;
    const char *name = numbers ? "R2" : r->score_name;
    size_t width = name_width(r);
    fprintf(t.file, "%s: %s rows, loss %s, %s %s\n\n", table_title(o->positional[1]),
            number_text(rows, (double)r->rows), loss_text(loss, r->loss), name, loss_text(score, r->score));
    fprintf(t.file, "%s", style_on(&t, STYLE_BOLD));
    pad_text(t.file, "column", width);
    fprintf(t.file, "  %-18s  %s%s\n", "loss", name, style_off(&t));
    for (size_t i = 0; i < r->count; i++) {
        explain_row(&t, &r->row[i], r->row[0].loss, width);
    }
    fprintf(t.file, "\nChange when the column alone is shuffled, mean and deviation of %zu shuffles.\n%s", r->repeats,
            style_on(&t, STYLE_DIM));
    wrap_text(t.file, "Columns that say nearly the same stand in for each other: each alone looks less important.", 0,
              0, wrap_width(&t));
    fputs(style_off(&t), t.file);
}

/* ---- the command ------------------------------------------------------------------------------------------------- */

static bool show_progress(void *ctx, size_t done, size_t total)
{
    terminal *t = ctx;
    if (t->live) {
        fprintf(t->file, done < total ? "\r%zu of %zu columns" : "\r\033[K", done, total);
        fflush(t->file);
    }
    return !interrupt_seen();
}

static bp_status check_request(const options *o, const bp_model *m)
{
    const char *model = o->positional[0], *data = o->positional[1];
    if (!table_named(data) && bp_model_preparation_text(m) == NULL) {
        return bp_fail(BP_ERR_ARGUMENT,
                       "%s is a data set, not the path of a table, and has no columns with names. To see what %s looks "
                       "at there, try: backprop eval, or backprop inspect --trace",
                       data, model);
    }
    if (!table_named(data)) {
        return bp_fail(BP_ERR_ARGUMENT, "%s was trained on a table; %s is a data set, not the path of a file", model,
                       data);
    }
    return table_check_options(o, data);
}

/* A preparation by position goes into the model, as it is in memory. */
static bp_status read_table(bp_table **out, const options *o, bp_model *m)
{
    model_columns c;
    bp_status status = columns_begin(&c, m, o, o->positional[1], true);
    status = status == BP_OK ? columns_read(out, &c) : status;
    if (status == BP_OK && c.plain) {
        terminal t = terminal_of(stderr);
        columns_say(&t, &c);
        status = bp_model_set_preparation(m, c.preparation);
    }
    columns_free(&c);
    return status;
}

static bp_status explain(bp_importance **out, const options *o, bp_model *m)
{
    bp_table *table = NULL;
    bp_status status = check_request(o, m);
    if (status == BP_OK) {
        status = read_table(&table, o, m);
    }
    if (status == BP_OK) {
        terminal t = terminal_of(stderr);
        bp_importance_options how = bp_importance_defaults();
        how.repeats = size_or(o, OPT_REPEATS, how.repeats);
        how.rows = size_or(o, OPT_SAMPLED_ROWS, how.rows);
        how.seed = size_or(o, OPT_SEED, DEFAULT_SEED);
        how.threads = (int)size_or(o, OPT_THREADS, 0);
        how.on_column = show_progress;
        how.ctx = &t;
        interrupt_watch();
        status = bp_importance_measure(out, m, table, &how);
    }
    bp_table_free(table);
    return status;
}

exit_code run_explain(const options *o)
{
    bp_model *m = NULL;
    bp_importance *r = NULL;
    bp_status status = bp_model_load(&m, o->positional[0], NULL);
    if (status == BP_OK) {
        status = explain(&r, o, m);
    }
    exit_code code = CODE_OK;
    if (status != BP_OK) {
        code = status == BP_ERR_STOPPED ? fail_as(CODE_INTERRUPTED) : fail_status(status);
    } else if (given(o, OPT_JSON)) {
        code = explain_json(o, r);
    } else {
        explain_text(o, r);
    }
    bp_importance_free(r);
    bp_model_free(m);
    return code;
}
