/* eval.c - `backprop eval`: a model measured on data. */
#include "report.h"
#include "subject.h"

static exit_code eval_json(const options *o, const subject *s, const bp_evaluation *e)
{
    json_t *result = json_object();
    json_put_text(result, "model", o->positional[0]);
    json_put_text(result, "data", s->set->name);
    json_put_text(result, "part", s->part.name);
    evaluation_json(result, e, s->model);
    json_put(result, "seconds", e->seconds);
    return json_print(stdout, result);
}

static void eval_text(const subject *s, const bp_evaluation *e)
{
    terminal t = terminal_of(stdout);
    report_summary(&t, e, s->part.name);
    report_measures(&t, e);
    if (e->labels > 0) {
        report_labels(&t, e, s->model);
    }
    if (e->classes > 0) {
        report_classes(&t, e, s->model);
        report_confusion(&t, e, s->model);
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
    status = bp_evaluate(&e, s.model, &s.part.data, (int)size_or(o, OPT_THREADS, 0));
    exit_code code = CODE_OK;
    if (status != BP_OK) {
        code = fail_status(status);
    } else if (given(o, OPT_JSON)) {
        code = eval_json(o, &s, e);
    } else {
        eval_text(&s, e);
    }
    bp_evaluation_free(e);
    subject_free(&s);
    return code;
}
