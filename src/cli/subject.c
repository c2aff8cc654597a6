/* subject.c - loading a model with its data, and a session on its loss. */
#include "subject.h"

#include "base/base.h"
#include "memory.h"

static bp_status load(subject *s, const char *model_path, const char *data, const options *o)
{
    bp_status status = bp_model_load(&s->model, model_path, NULL);
    if (status == BP_OK) {
        status = source_load(&s->set, data, o, size_or(o, OPT_GENERATED_ROWS, 0));
    }
    if (status == BP_OK) {
        status = part_take(&s->part, s->set, o);
    }
    if (status == BP_OK) {
        status = source_fits(&s->part.data, s->set->name, s->model, model_path);
    }
    return status;
}

bp_status subject_load(subject *out, const char *model_path, const char *data, const options *o)
{
    *out = (subject){0};
    bp_status status = load(out, model_path, data, o);
    if (status != BP_OK) {
        subject_free(out);
    }
    return status;
}

void subject_free(subject *s)
{
    part_free(&s->part);
    bp_dataset_free(s->set);
    bp_model_free(s->model);
    *s = (subject){0};
}

static bp_status set_rows(bp_session *s, bp_model *m, const bp_data *data, size_t first, size_t rows)
{
    size_t targets = bp_node_size(bp_model_target(m)), x_cells = 0, t_cells = 0;
    if (!bp_mul_size(&x_cells, rows, data->inputs) || !bp_mul_size(&t_cells, rows, targets)) {
        return bp_fail(BP_ERR_MEMORY, "%zu rows of %zu inputs are too many", rows, data->inputs);
    }
    double *x = cli_alloc(x_cells, sizeof *x);
    double *t = cli_alloc(t_cells, sizeof *t);
    bp_status status = x != NULL && t != NULL ? BP_OK : BP_ERR_MEMORY;
    for (size_t i = 0; i < rows && status == BP_OK; i++) {
        row_inputs(x + i * data->inputs, data, first + i, m);
        bp_model_encode(m, t + i * targets, data, first + i);
    }
    if (status == BP_OK) {
        status = bp_session_set(s, bp_model_x(m), x, rows);
    }
    if (status == BP_OK) {
        status = bp_session_set(s, bp_model_target(m), t, rows);
    }
    cli_release(x);
    cli_release(t);
    return status;
}

bp_status loss_session(bp_session **out, bp_model *m, const bp_data *data, size_t first, size_t rows)
{
    const bp_node *targets[] = {bp_model_loss_node(m), bp_model_y(m)};
    bp_session_options o = bp_session_defaults();
    o.max_rows = rows;
    bp_status status = bp_session_new(out, bp_model_graph_const(m), targets, 2, &o);
    if (status != BP_OK) {
        return status;
    }
    status = set_rows(*out, m, data, first, rows);
    if (status != BP_OK) {
        bp_session_free(*out);
        *out = NULL;
    }
    return status;
}
