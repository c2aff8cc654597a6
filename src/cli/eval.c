/* eval.c - `backprop eval`: a model measured on data. */
#include "report.h"
#include "residuals.h"
#include "subject.h"

/* Numbers of a table: of these the worst rows are shown. */
static bool of_numbers(const subject *s, const bp_evaluation *e)
{
    return s->table != NULL && e->classes + e->labels == 0;
}

static residual_source rows_of(const subject *s, const options *o)
{
    return (residual_source){s->model, &s->part.data, s->preparation, s->row, (int)size_or(o, OPT_THREADS, 0)};
}

static exit_code eval_json(const options *o, const subject *s, const bp_evaluation *e)
{
    json_t *result = json_object();
    json_put_text(result, "model", o->positional[0]);
    json_put_text(result, "data", s->table != NULL ? table_title(o->positional[1]) : s->set->name);
    json_put_text(result, "part", s->part.name);
    evaluation_json(result, e, s->model);
    if (s->table != NULL) {
        json_put_size(result, "skipped_rows", bp_table_skipped(s->table, NULL));
        json_put_size(result, "dropped_rows", s->report.dropped);
        json_put_size(result, "imputed_cells", s->report.missing);
        json_put_size(result, "unknown_cells", s->report.unknown);
    }
    if (of_numbers(s, e)) {
        residual_source source = rows_of(s, o);
        json_object_set_new(result, "worst_residuals", residuals_json(&source));
    }
    json_put(result, "seconds", e->seconds);
    return json_print(stdout, result);
}

static void eval_text(const options *o, const subject *s, const bp_evaluation *e)
{
    terminal t = terminal_of(stdout);
    report_summary(&t, e, s->part.name);
    report_measures(&t, e);
    if (of_numbers(s, e)) {
        residual_source source = rows_of(s, o);
        residuals_report(&t, &source);
    }
    if (e->labels > 0) {
        report_labels(&t, e, s->model);
    }
    if (e->classes > 0) {
        report_classes(&t, e, s->model);
        report_confusion(&t, e, s->model);
    }
}

/* What the table has that needs a word, on stderr. */
static void say_table(const subject *s)
{
    const bp_prepare_report *r = &s->report;
    const char *why = NULL;
    char number[NUMBER_SIZE];
    size_t skipped = bp_table_skipped(s->table, &why);
    if (skipped > 0) {
        fprintf(stderr, "%s rows skipped, the first: %s\n", number_text(number, (double)skipped), why);
    }
    if (r->dropped > 0) {
        fprintf(stderr, "%s rows left out: no target, weight 0, or missing values\n",
                number_text(number, (double)r->dropped));
    }
    if (r->alike > 0) {
        fprintf(stderr, "%s targets differ from a class only in blanks, case or a final full stop, and count as it\n",
                number_text(number, (double)r->alike));
    }
    if (r->missing > 0) {
        fprintf(stderr, "%s missing cells filled in\n", number_text(number, (double)r->missing));
    }
    if (r->unknown > 0) {
        fprintf(stderr, "%s cells with a category that training did not have, the first: %s\n",
                number_text(number, (double)r->unknown), r->first_unknown);
    }
}

exit_code run_eval(const options *o)
{
    subject s;
    bp_evaluation *e = NULL;
    bp_status status = subject_load(&s, o->positional[0], o->positional[1], o);
    if (status != BP_OK) {
        return fail_as(status == BP_ERR_MEMORY ? CODE_FAULT : CODE_DATA);
    }
    if (s.table != NULL) {
        say_table(&s);
    }
    status = bp_evaluate(&e, s.model, &s.part.data, (int)size_or(o, OPT_THREADS, 0));
    exit_code code = CODE_OK;
    if (status != BP_OK) {
        code = fail_status(status);
    } else if (given(o, OPT_JSON)) {
        code = eval_json(o, &s, e);
    } else {
        eval_text(o, &s, e);
    }
    bp_evaluation_free(e);
    subject_free(&s);
    return code;
}
