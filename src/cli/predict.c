/* predict.c - `backprop predict` on data sets: a line a sample. The format is a promise: see the help. */
#include "predict.h"

#include <string.h>

#include "base/base.h"
#include "interrupt.h"
#include "memory.h"
#include "output.h"
#include "picture.h"
#include "report.h"
#include "subject.h"
#include "table_options.h"
#include "terminal.h"

enum { BLOCK = 1024 }; /* rows predicted at a time */

typedef struct prediction {
    const subject *s;
    FILE *file;
    size_t outputs, top; /* top: 0 for numbers */
    bp_type type;
    bp_predictor *predictor;
    void *out; /* BLOCK x outputs */
    bool draw;
    terminal terminal; /* that of file, for drawing */
    size_t name_width; /* columns of the longest name of a class */
    double *pixels;    /* of an image */
    size_t *order;     /* the top classes of a row, the best first */
} prediction;

static double output_at(const prediction *p, size_t row, size_t j)
{
    size_t i = row * p->outputs + j;
    return p->type == BP_F64 ? ((const double *)p->out)[i] : (double)((const float *)p->out)[i];
}

/* order[0..top) = the classes with the largest probabilities; of equal ones the first. */
static void rank(const prediction *p, size_t row)
{
    size_t count = 0;
    for (size_t j = 0; j < p->outputs; j++) {
        size_t at = count < p->top ? count++ : p->top;
        for (; at > 0 && output_at(p, row, p->order[at - 1]) < output_at(p, row, j); at--) {
            if (at < p->top) {
                p->order[at] = p->order[at - 1];
            }
        }
        if (at < p->top) {
            p->order[at] = j;
        }
    }
}

/* A name with a tab or a line break in it would break the format. */
static void print_name(FILE *file, const char *name)
{
    for (; *name != '\0'; name++) {
        fputc(*name == '\t' || *name == '\n' || *name == '\r' ? ' ' : *name, file);
    }
}

static void print_row(const prediction *p, size_t number, size_t row)
{
    char name[CLASS_NAME];
    fprintf(p->file, "%zu", number);
    if (p->top > 0) {
        rank(p, row);
    }
    for (size_t k = 0; k < p->top; k++) {
        fputc('\t', p->file);
        print_name(p->file, class_text(name, p->s->model, p->order[k]));
        fprintf(p->file, "\t%.6f", output_at(p, row, p->order[k]));
    }
    for (size_t j = 0; j < p->outputs && p->top == 0; j++) {
        fprintf(p->file, "\t%.9g", output_at(p, row, j));
    }
    fputc('\n', p->file);
}

/* ---- drawn ------------------------------------------------------------------------------------------------------- */

enum { LINE = 256, BAR = 24 };

/* "row 3 is 7, mistaken for 9" */
static void verdict(char *out, const prediction *p, size_t number)
{
    const bp_data *d = &p->s->part.data;
    const terminal *t = &p->terminal;
    char truth[CLASS_NAME], guess[CLASS_NAME];
    size_t label = (size_t)d->label[number];
    bool right = label == p->order[0];
    snprintf(out, LINE, "row %zu is %s, %s%s%s%s", number, class_text(truth, p->s->model, label),
             style_on(t, right ? STYLE_GOOD : STYLE_BAD), right ? "recognised" : "mistaken for ",
             right ? "" : class_text(guess, p->s->model, p->order[0]), style_off(t));
}

/* "7  ======....  99.98 %" */
static void class_bar(char *out, const prediction *p, size_t row, size_t class_index, size_t width)
{
    const terminal *t = &p->terminal;
    char name[CLASS_NAME], bar[3 * BAR + 1], percent[NUMBER_SIZE];
    double share = output_at(p, row, class_index);
    progress_bar(bar, t, share, width);
    snprintf(out, LINE, "%-*.*s  %s%s%s  %8s", (int)p->name_width, CLASS_NAME - 1,
             class_text(name, p->s->model, class_index), style_on(t, STYLE_ACCENT), bar, style_off(t),
             percent_text(percent, share));
}

/* gap: an empty line first. */
static void draw_row(const prediction *p, size_t number, size_t row, bool gap)
{
    enum { MOST_LINES = 12, PERCENT = 12 };
    char text[MOST_LINES][LINE];
    const char *lines[MOST_LINES];
    const bp_data *d = &p->s->part.data;
    size_t fixed = p->name_width + PERCENT, bar = BAR, count = p->top < MOST_LINES - 1 ? p->top : MOST_LINES - 1;
    while (bar > 8 && !draw_fits_beside(&p->terminal, d->width, fixed + bar)) {
        bar--;
    }
    if (!draw_fits_beside(&p->terminal, d->width, fixed + bar)) {
        bar = BAR;
    }
    while (bar > 1 && fixed + bar + 2 > p->terminal.width) {
        bar--;
    }
    rank(p, row);
    verdict(text[0], p, number);
    for (size_t k = 0; k < count; k++) {
        class_bar(text[k + 1], p, row, p->order[k], bar);
    }
    for (size_t k = 0; k <= count; k++) {
        lines[k] = text[k];
    }
    picture_pixels(p->pixels, d, number);
    fputs(gap ? "\n" : "", p->file);
    draw_beside(&p->terminal, &(picture){p->pixels, d->height, d->width, ""}, lines, count + 1, fixed + bar);
}

/* ---- rows -------------------------------------------------------------------------------------------------------- */

static bp_status predict_rows(const prediction *p, size_t first, size_t end)
{
    const bp_data *d = &p->s->part.data;
    for (size_t at = first; at < end; at += BLOCK) {
        size_t rows = end - at < BLOCK ? end - at : BLOCK;
        bp_status status = bp_predict_data(p->predictor, p->out, d, at, rows);
        if (status != BP_OK) {
            return status;
        }
        for (size_t i = 0; i < rows; i++) {
            if (p->draw) {
                draw_row(p, at + i, i, at + i > first);
            } else {
                print_row(p, at + i, i);
            }
        }
        if (interrupt_seen()) {
            return bp_fail(BP_ERR_STOPPED, "interrupted at row %zu of %zu", at + rows, end);
        }
    }
    return BP_OK;
}

/* How many classes to show, of how many; the rows that there are. */
static bp_status check_request(prediction *p, const options *o)
{
    const option_value *range = &o->value[OPT_ROW_RANGE];
    size_t rows = p->s->part.data.rows;
    bool classes = bp_model_describe(p->s->model).task == BP_CLASSIFY;
    p->draw = given(o, OPT_DRAW);
    p->top = classes ? size_or(o, OPT_TOP, p->draw && p->outputs > 2 ? DEFAULT_DRAWN_TOP : 1) : 0;
    if (p->draw && (!classes || p->s->part.data.height == 0)) {
        return bp_fail(BP_ERR_ARGUMENT, "--draw is for images that have classes; %s has none", p->s->set->name);
    }
    if (!classes && given(o, OPT_TOP)) {
        return bp_fail(BP_ERR_ARGUMENT, "--top is for classes; %s predicts numbers", o->positional[0]);
    }
    if (p->top > p->outputs) {
        return bp_fail(BP_ERR_ARGUMENT, "--top %zu is more than the %zu classes of %s", p->top, p->outputs,
                       o->positional[0]);
    }
    if (range->given && range->size_end > rows) {
        return bp_fail(BP_ERR_ARGUMENT, "--rows %s: the %s part of %s has rows 0-%zu", range->text, p->s->part.name,
                       p->s->set->name, rows - 1);
    }
    return BP_OK;
}

static bp_status prepare(prediction *p, const subject *s, const options *o)
{
    bp_model_options m = bp_model_describe(s->model);
    *p = (prediction){.s = s, .file = stdout, .outputs = m.outputs, .type = m.type};
    bp_status status = check_request(p, o);
    if (status != BP_OK) {
        return status;
    }
    p->out = cli_alloc(p->outputs * BLOCK, bp_type_size(p->type));
    p->order = cli_alloc(p->top, sizeof *p->order);
    p->pixels = cli_alloc(s->part.data.inputs, sizeof *p->pixels);
    if (p->out == NULL || p->order == NULL || p->pixels == NULL) {
        return BP_ERR_MEMORY;
    }
    for (size_t j = 0; j < p->outputs && p->draw; j++) {
        char name[CLASS_NAME];
        size_t length = strlen(class_text(name, s->model, j));
        p->name_width = length > p->name_width ? length : p->name_width;
    }
    return bp_predictor_new(&p->predictor, s->model, BLOCK, (int)size_or(o, OPT_THREADS, 0));
}

static exit_code write_predictions(prediction *p, const options *o)
{
    const option_value *range = &o->value[OPT_ROW_RANGE];
    output_file file = {0};
    if (given(o, OPT_TABLE_OUT)) {
        if (output_apart(o->value[OPT_TABLE_OUT].text, "--out", o->positional[0], "the model") != BP_OK) {
            return fail_usage(&command_table[CMD_PREDICT]);
        }
        if (output_open(&file, o->value[OPT_TABLE_OUT].text) != BP_OK) {
            return fail_as(CODE_OUTPUT);
        }
        p->file = file.file;
    }
    size_t rows = p->s->part.data.rows;
    p->terminal = terminal_of(p->file);
    if (p->draw && rows > DEFAULT_DRAWN) {
        rows = DEFAULT_DRAWN;
    }
    bp_status status = predict_rows(p, range->given ? range->size : 0, range->given ? range->size_end : rows);
    if (status != BP_OK) {
        output_discard(&file);
        return status == BP_ERR_STOPPED ? fail_as(CODE_INTERRUPTED) : fail_status(status);
    }
    if (file.file != NULL && output_close(&file) != BP_OK) {
        return fail_as(CODE_OUTPUT);
    }
    return CODE_OK;
}

/* Options of tables that data sets do not have. */
static bp_status check_set_options(const options *o)
{
    static const option_id for_tables[] = {OPT_PROBA, OPT_KEEP};
    for (size_t i = 0; i < sizeof for_tables / sizeof *for_tables; i++) {
        if (given(o, for_tables[i])) {
            return bp_fail(BP_ERR_ARGUMENT, "--%s is for tables, which are files; %s is a data set: see --top",
                           option_table[for_tables[i]].name, o->positional[1]);
        }
    }
    return BP_OK;
}

static exit_code predict_set(const options *o)
{
    subject s;
    prediction p;
    if (check_set_options(o) != BP_OK) {
        return fail_usage(&command_table[CMD_PREDICT]);
    }
    bp_status status = subject_load(&s, o->positional[0], o->positional[1], o);
    if (status != BP_OK) {
        return fail_as(status == BP_ERR_MEMORY ? CODE_FAULT : CODE_DATA);
    }
    interrupt_watch();
    status = prepare(&p, &s, o);
    exit_code code = status == BP_OK ? write_predictions(&p, o) : fail_status(status);
    bp_predictor_free(p.predictor);
    cli_release(p.out);
    cli_release(p.order);
    cli_release(p.pixels);
    subject_free(&s);
    return code;
}

exit_code run_predict(const options *o)
{
    return table_named(o->positional[1]) ? predict_table(o) : predict_set(o);
}
