/* subject.c - loading a model with its data, and a session on its loss. */
#include "subject.h"

#include "base/base.h"
#include "memory.h"

static bp_status load_set(subject *s, const char *model_path, const char *data, const options *o)
{
    if (bp_model_preparation_text(s->model) != NULL) {
        return bp_fail(BP_ERR_DATA, "%s was trained on a table; %s is a data set, not the path of a file", model_path,
                       data);
    }
    bp_status status = source_load(&s->set, data, o, size_or(o, OPT_GENERATED_ROWS, 0));
    if (status == BP_OK) {
        status = part_take(&s->part, s->set, o);
    }
    if (status == BP_OK) {
        status = source_fits(&s->part.data, s->set->name, s->model, model_path);
    }
    return status;
}

static bp_status load_table(subject *s, const char *data, const options *o)
{
    bp_status status = columns_begin(&s->columns, s->model, o, data, true);
    status = status == BP_OK ? columns_read(&s->table, &s->columns) : status;
    if (status != BP_OK) {
        return status;
    }
    terminal t = terminal_of(stderr);
    columns_say(&t, &s->columns);
    s->preparation = s->columns.preparation;
    s->row = cli_alloc(bp_table_rows(s->table), sizeof *s->row);
    if (s->row == NULL) {
        return BP_ERR_MEMORY;
    }
    status = bp_preparation_apply(&s->set, s->preparation, s->table, NULL, 0, true, s->row, &s->report);
    if (status != BP_OK) {
        return status;
    }
    s->part = (data_part){.data = bp_prepared_without_class_weights(&s->set->train), .name = "table"};
    return s->part.data.rows > 0 ? BP_OK
                                 : bp_fail(BP_ERR_DATA, "%s: no row can be used: all were left out for missing values",
                                           table_title(data));
}

static bp_status load(subject *s, const char *model_path, const char *data, const options *o)
{
    bp_status status = table_check_options(o, data);
    status = status == BP_OK ? bp_model_load(&s->model, model_path, NULL) : status;
    if (status != BP_OK) {
        return status;
    }
    return table_named(data) ? load_table(s, data, o) : load_set(s, model_path, data, o);
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
    bp_table_free(s->table);
    columns_free(&s->columns);
    cli_release(s->row);
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
