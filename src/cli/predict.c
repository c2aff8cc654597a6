/* predict.c - `backprop predict`: a line a sample. The format is a promise: see the help. */
#include <string.h>

#include "base/base.h"
#include "memory.h"
#include "output.h"
#include "report.h"
#include "subject.h"

enum { BLOCK = 1024 }; /* rows predicted at a time */

typedef struct prediction {
    const subject *s;
    FILE *file;
    size_t outputs, top; /* top: 0 for numbers */
    bp_type type;
    bp_predictor *predictor;
    void *out;     /* BLOCK x outputs */
    size_t *order; /* the top classes of a row, the best first */
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
        for (; at > 0 && output_at(p, row, p->order[at - 1]) < output_at(p, row, j); at--)
            if (at < p->top)
                p->order[at] = p->order[at - 1];
        if (at < p->top)
            p->order[at] = j;
    }
}

/* A name with a tab or a line break in it would break the format. */
static void print_name(FILE *file, const char *name)
{
    for (; *name != '\0'; name++)
        fputc(*name == '\t' || *name == '\n' || *name == '\r' ? ' ' : *name, file);
}

static void print_row(const prediction *p, size_t number, size_t row)
{
    char name[CLASS_NAME];
    fprintf(p->file, "%zu", number);
    if (p->top > 0)
        rank(p, row);
    for (size_t k = 0; k < p->top; k++) {
        fputc('\t', p->file);
        print_name(p->file, class_text(name, p->s->model, p->order[k]));
        fprintf(p->file, "\t%.6f", output_at(p, row, p->order[k]));
    }
    for (size_t j = 0; j < p->outputs && p->top == 0; j++)
        fprintf(p->file, "\t%.9g", output_at(p, row, j));
    fputc('\n', p->file);
}

static bp_status predict_rows(const prediction *p, size_t first, size_t end)
{
    const bp_data *d = &p->s->part.data;
    size_t row_bytes = d->inputs * bp_type_size(d->x_type);
    for (size_t at = first; at < end; at += BLOCK) {
        size_t rows = end - at < BLOCK ? end - at : BLOCK;
        bp_status status = bp_predict(p->predictor, p->out, (const char *)d->x + at * row_bytes, d->x_type, rows);
        if (status != BP_OK)
            return status;
        for (size_t i = 0; i < rows; i++)
            print_row(p, at + i, i);
    }
    return BP_OK;
}

/* How many classes to show, of how many; the rows that there are. */
static bp_status check_request(prediction *p, const options *o)
{
    const option_value *range = &o->value[OPT_ROW_RANGE];
    size_t rows = p->s->part.data.rows;
    bool classes = bp_model_describe(p->s->model).task == BP_CLASSIFY;
    p->top = classes ? size_or(o, OPT_TOP, 1) : 0;
    if (!classes && given(o, OPT_TOP))
        return bp_fail(BP_ERR_ARGUMENT, "--top is for classes; %s predicts numbers", o->positional[0]);
    if (p->top > p->outputs)
        return bp_fail(BP_ERR_ARGUMENT, "--top %zu is more than the %zu classes of %s", p->top, p->outputs,
                       o->positional[0]);
    if (range->given && range->size_end > rows)
        return bp_fail(BP_ERR_ARGUMENT, "--rows %s: the %s part of %s has rows 0-%zu", range->text, p->s->part.name,
                       p->s->set->name, rows - 1);
    return BP_OK;
}

static bp_status prepare(prediction *p, const subject *s, const options *o)
{
    bp_model_options m = bp_model_describe(s->model);
    *p = (prediction){.s = s, .file = stdout, .outputs = m.outputs, .type = m.type};
    bp_status status = check_request(p, o);
    if (status != BP_OK)
        return status;
    p->out = cli_alloc(p->outputs * BLOCK, bp_type_size(p->type));
    p->order = cli_alloc(p->top, sizeof *p->order);
    if (p->out == NULL || p->order == NULL)
        return BP_ERR_MEMORY;
    return bp_predictor_new(&p->predictor, s->model, BLOCK, (int)size_or(o, OPT_THREADS, 0));
}

static exit_code write_predictions(prediction *p, const options *o)
{
    const option_value *range = &o->value[OPT_ROW_RANGE];
    output_file file = {0};
    if (given(o, OPT_TABLE_OUT)) {
        if (output_open(&file, o->value[OPT_TABLE_OUT].text) != BP_OK)
            return fail_as(CODE_OUTPUT);
        p->file = file.file;
    }
    size_t rows = p->s->part.data.rows;
    bp_status status = predict_rows(p, range->given ? range->size : 0, range->given ? range->size_end : rows);
    if (status != BP_OK) {
        output_discard(&file);
        return fail_status(status);
    }
    if (file.file != NULL && output_close(&file) != BP_OK)
        return fail_as(CODE_OUTPUT);
    return CODE_OK;
}

exit_code run_predict(const options *o)
{
    subject s;
    prediction p;
    bp_status status = subject_load(&s, o->positional[0], o->positional[1], o);
    if (status != BP_OK)
        return fail_as(status == BP_ERR_MEMORY ? CODE_FAULT : CODE_DATA);
    status = prepare(&p, &s, o);
    exit_code code = status == BP_OK ? write_predictions(&p, o) : fail_status(status);
    bp_predictor_free(p.predictor);
    cli_release(p.out);
    cli_release(p.order);
    subject_free(&s);
    return code;
}
