/* check.c - `backprop check`: the gradient of back-propagation beside the numerical one, and what each costs. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/base.h"
#include "network.h"
#include "output.h"
#include "subject.h"
#include "terminal.h"

enum { DEFAULT_ROWS = 8 };

typedef struct checking {
    const options *o;
    subject s;
    bp_model *exact; /* the model in f64 */
    bp_session *session;
    size_t rows;
    bp_check_report *report;
} checking;

/* ---- the check --------------------------------------------------------------------------------------------------- */

/* With one argument there is only data, and the network is made for it from the options. */
static bp_status load_new(checking *c)
{
    const char *data = c->o->positional[0];
    if (table_named(data)) {
        return bp_fail(BP_ERR_ARGUMENT,
                       "to check a network on a table, train it first: backprop train %s, then "
                       "backprop check MODEL %s",
                       data, data);
    }
    bp_status status = source_load(&c->s.set, data, c->o, 0);
    if (status != BP_OK) {
        return status;
    }
    recipe r = recipe_for(&c->s.set->train);
    c->s.part.data = c->s.set->train;
    return network_new(&c->exact, c->o, &r, &c->s.part.data, BP_F64);
}

/* Network options would be ignored, and that is never done in silence. */
static bp_status refuse_network_options(const options *o)
{
    static const option_id described[] = {OPT_NET, OPT_OUTPUT, OPT_LOSS, OPT_INIT, OPT_STANDARDIZE};
    for (size_t i = 0; i < sizeof described / sizeof *described; i++) {
        if (given(o, described[i])) {
            return bp_fail(BP_ERR_ARGUMENT, "--%s describes a new network, but %s is checked; leave one of them out",
                           option_table[described[i]].name, o->positional[0]);
        }
    }
    return BP_OK;
}

/* The training part of a data set, or a table. */
static bp_status load_subject(checking *c, const char *model_path, const char *data)
{
    if (table_named(data)) {
        return subject_load(&c->s, model_path, data, c->o);
    }
    bp_status status = bp_model_load(&c->s.model, model_path, NULL);
    if (status == BP_OK) {
        status = source_load(&c->s.set, data, c->o, 0);
    }
    if (status != BP_OK) {
        return status;
    }
    c->s.part.data = c->s.set->train;
    return source_fits(&c->s.part.data, c->s.set->name, c->s.model, model_path);
}

static bp_status load_trained(checking *c)
{
    bp_status status = load_subject(c, c->o->positional[0], c->o->positional[1]);
    if (status != BP_OK) {
        return status;
    }
    bp_model_options as = bp_model_describe(c->s.model);
    as.type = BP_F64;
    as.unfused = given(c->o, OPT_UNFUSED);
    return bp_model_copy(&c->exact, c->s.model, &as);
}

static bp_status compare(checking *c)
{
    const bp_data *d = &c->s.part.data;
    bp_check_options how = bp_check_defaults();
    how.sample = given(c->o, OPT_ALL) ? 0 : size_or(c->o, OPT_SAMPLE, how.sample);
    how.seed = size_or(c->o, OPT_SEED, DEFAULT_SEED);
    c->rows = size_or(c->o, OPT_CHECKED_ROWS, DEFAULT_ROWS);
    c->rows = c->rows < d->rows ? c->rows : d->rows;
    bp_status status = loss_session(&c->session, c->exact, d, 0, c->rows);
    if (status != BP_OK) {
        return status;
    }
    return bp_gradient_check(&c->report, c->session, bp_model_graph(c->exact), c->rows, &how);
}

/* ---- what came out ----------------------------------------------------------------------------------------------- */

/* Forward passes and seconds that the numerical way would take for every element. */
static double all_passes(const bp_check_report *r)
{
    return 2.0 * (double)r->total;
}

static double all_seconds(const bp_check_report *r)
{
    return r->numeric_passes > 0 ? r->numeric_seconds / (double)r->numeric_passes * all_passes(r) : NAN;
}

static void print_rows(const terminal *t, const bp_check_report *r)
{
    char size[NUMBER_SIZE], checked[NUMBER_SIZE];
    fprintf(t->file, "%s%-12s %9s %7s %5s %8s %8s %8s %8s%s\n", style_on(t, STYLE_BOLD), "gradient of", "size",
            "checked", "kinks", "max abs", "mean abs", "max rel", "mean rel", style_off(t));
    for (size_t i = 0; i < r->count; i++) {
        const bp_check_row *row = &r->rows[i];
        fprintf(t->file, "%-12s %9s %7s %5zu %8.1e %8.1e %8.1e %8.1e %s%s%s\n", row->name,
                number_text(size, (double)row->size), number_text(checked, (double)row->checked), row->kinks,
                row->max_abs, row->mean_abs, row->max_rel, row->mean_rel,
                style_on(t, row->passed ? STYLE_GOOD : STYLE_BAD), row->passed ? "ok" : "FAILED", style_off(t));
    }
}

static void print_remarks(const terminal *t, const bp_check_report *r)
{
    for (size_t i = 0; i < r->count; i++) {
        const bp_check_row *row = &r->rows[i];
        if (row->kinks > 0) {
            fprintf(t->file, "%s: %zu elements left out, at a kink of %s the numerical way has no answer\n", row->name,
                    row->kinks, row->kink);
        }
        if (!row->passed && row->all_zero) {
            fprintf(t->file, "%s: every gradient is exactly zero, so nothing was tested\n", row->name);
        } else if (!row->passed) {
            fprintf(t->file, "%s: worst at element %zu, back-propagation %.9g, numerically %.9g\n", row->name,
                    row->worst, row->worst_backprop, row->worst_numeric);
        }
    }
}

static void print_cost(const terminal *t, const bp_check_report *r)
{
    char passes[NUMBER_SIZE], time[NUMBER_SIZE], done[NUMBER_SIZE], ratio[NUMBER_SIZE];
    double all = all_seconds(r);
    fprintf(t->file, "\ncost of the whole gradient\n  numerical         %s forward passes, %s",
            number_text(passes, all_passes(r)), duration_text(time, all));
    if ((double)r->numeric_passes < all_passes(r)) {
        fprintf(t->file, " (estimated from %s passes)", number_text(done, (double)r->numeric_passes));
    }
    fprintf(t->file, "\n  back-propagation  one forward and one backward pass, %s",
            duration_text(time, r->backprop_seconds));
    if (r->backprop_seconds > 0 && all > 0) {
        fprintf(t->file, ": %s times less", rate_text(ratio, all / r->backprop_seconds));
    }
    fputc('\n', t->file);
}

/* A gradient that is zero everywhere agrees with anything that is zero: no proof, but no disagreement either. */
static const char *verdict(const bp_check_report *r)
{
    for (size_t i = 0; i < r->count; i++) {
        if (!r->rows[i].passed && !r->rows[i].all_zero) {
            return "The gradients DISAGREE.";
        }
    }
    return r->passed ? "The gradients agree."
                     : "The check FAILED: where a gradient is zero everywhere, nothing is shown.";
}

static void print_text(const checking *c)
{
    terminal t = terminal_of(stdout);
    char net[512];
    network_text(net, sizeof net, c->exact);
    wrap_text(stdout, net, 0, 2, wrap_width(&t));
    printf("%zu rows of %s, f64, %s ops\n\n", c->rows, c->s.set->name,
           bp_model_describe(c->exact).unfused ? "single" : "fused");
    print_rows(&t, c->report);
    print_remarks(&t, c->report);
    print_cost(&t, c->report);
    printf("\n%s%s%s\n", style_on(&t, c->report->passed ? STYLE_GOOD : STYLE_BAD), verdict(c->report), style_off(&t));
}

static exit_code print_json(const checking *c)
{
    const bp_check_report *r = c->report;
    json_t *o = json_object(), *rows = json_array();
    for (size_t i = 0; i < r->count; i++) {
        const bp_check_row *row = &r->rows[i];
        json_t *one = json_object();
        json_put_text(one, "name", row->name);
        json_put_bool(one, "input", row->input);
        json_put_size(one, "size", row->size);
        json_put_size(one, "checked", row->checked);
        json_put_size(one, "kinks", row->kinks);
        json_put(one, "max_abs", row->max_abs);
        json_put(one, "mean_abs", row->mean_abs);
        json_put(one, "max_rel", row->max_rel);
        json_put(one, "mean_rel", row->mean_rel);
        json_put_bool(one, "passed", row->passed);
        json_array_append_new(rows, one);
    }
    json_put_bool(o, "passed", r->passed);
    json_put_size(o, "rows", c->rows);
    json_object_set_new(o, "tensors", rows);
    json_put_size(o, "numeric_passes", r->numeric_passes);
    json_put(o, "numeric_seconds", r->numeric_seconds);
    json_put(o, "numeric_passes_all", all_passes(r));
    json_put(o, "numeric_seconds_all", all_seconds(r));
    json_put(o, "backprop_seconds", r->backprop_seconds);
    return json_print(stdout, o);
}

exit_code run_check(const options *o)
{
    checking c = {.o = o};
    bool trained = o->positionals == 2;
    if (trained && refuse_network_options(o) != BP_OK) {
        return fail_usage(&command_table[CMD_CHECK]);
    }
    bp_status status = trained ? load_trained(&c) : load_new(&c);
    if (status == BP_OK) {
        status = compare(&c);
    }
    exit_code code = CODE_OK;
    if (status != BP_OK) {
        code = fail_status(status);
    } else if (given(o, OPT_JSON)) {
        code = print_json(&c);
    } else {
        print_text(&c);
    }
    if (code == CODE_OK && !(c.report != NULL && c.report->passed)) {
        code = CODE_NEGATIVE;
    }
    bp_check_report_free(c.report);
    bp_session_free(c.session);
    bp_model_free(c.exact);
    subject_free(&c.s);
    return code;
}
