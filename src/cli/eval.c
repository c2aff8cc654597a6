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
    return (residual_source){.model = s->model,
                             .data = &s->part.data,
                             .preparation = s->preparation,
                             .row = s->row,
                             .threads = (int)size_or(o, OPT_THREADS, 0),
                             .of = ""};
}

static exit_code eval_json(const options *o, const subject *s, const bp_evaluation *e)
{
    json_t *result = json_object();
    json_put_text(result, "model", o->positional[0]);
    json_put_text(result, "data", s->table != NULL ? table_title(o->positional[1]) : s->set->name);
    json_put_text(result, "part", s->part.name);
    evaluation_json(result, e, s->model, s->preparation);
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
    report_summary(&t, e, s->table != NULL ? "" : s->part.name);
    report_measures(&t, e);
    if (of_numbers(s, e)) {
        residual_source source = rows_of(s, o);
        residuals_report(&t, &source);
    }
    if (e->labels > 0) {
        report_labels(&t, e, s->preparation);
    }
    if (e->classes > 0) {
        report_classes(&t, e, s->model);
        report_confusion(&t, e, s->model);
    }
}

/* What the table has that needs a word, on stderr. */
static void say_table(const subject *s)
{
    terminal t = terminal_of(stderr);
    const char *why = NULL;
    size_t skipped = bp_table_skipped(s->table, &why);
    say_count(&t, "rows skipped", skipped, why);
    say_prepared(&t, &s->report, bp_preparation_missing(s->preparation) == BP_MISSING_IMPUTE);
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
