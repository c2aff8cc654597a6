/* model_columns.c - the preparation of a table for a model: its own, or one by the position of the columns. */
#include "model_columns.h"

#include <string.h>

#include "base/base.h"

/* ---- by position ------------------------------------------------------------------------------------------------- */

/* Features that are 0 in all rows are not in a file of LIBSVM: the last ones of the model may be lacking. */
static bool ends_early(const model_columns *c, const bp_table *t, size_t inputs)
{
    size_t columns = bp_table_columns(t);
    if (c->found.last_index > 0 || strcmp(c->path, "-") == 0 || !bp_table_has_header(t) || columns > inputs) {
        return false;
    }
    const char *first = bp_table_column(t, 0).name, *last = bp_table_column(t, columns - 1).name;
    return strcmp(last, "label") == 0 && (strcmp(first, "column0") == 0 || strcmp(first, "column1") == 0);
}

static bp_columns columns_of(const name_list *l)
{
    return (bp_columns){l->name, l->count};
}

/* on_columns of the reading: decides by the columns of the file, and asks for them to be read so. */
static bp_status choose_columns(const void *ctx, const bp_table *t, bp_table_options *reading)
{
    const model_columns *c = ctx;
    size_t inputs = bp_model_describe(c->model).inputs;
    bp_prepare_options o = bp_prepare_defaults();
    o.target = columns_of(&c->target);
    o.drop = columns_of(&c->drop);
    o.id = columns_of(&c->id);
    if (ends_early(c, t, inputs)) {
        bool from_0 = strcmp(bp_table_column(t, 0).name, "column0") == 0;
        c->to->last_index = from_0 ? inputs - 1 : inputs;
        return bp_fail(BP_ERR_SHAPE, "%s ends before column %zu", c->path, c->to->last_index);
    }
    bp_preparation_free(c->to->preparation);
    bp_status status = bp_preparation_plain(&c->to->preparation, c->model, t, c->with_target, &o);
    size_t named = o.target.count + o.drop.count + o.id.count, columns = bp_table_columns(t);
    if (status == BP_ERR_SHAPE) {
        return bp_fail(BP_ERR_DATA, "%s%s", bp_error(), columns > inputs + named ? " (--target, --drop)" : "");
    }
    if (status != BP_OK) {
        return status;
    }
    c->to->has_target = o.target.count > 0 || columns > inputs + named;
    bp_table_options lists = bp_preparation_reading(c->to->preparation, c->with_target);
    return lists.on_columns(lists.ctx, t, reading);
}

static bp_status begin_plain(model_columns *c, const options *o)
{
    c->plain = true;
    c->task = bp_model_describe(c->model).task == BP_CLASSIFY ? BP_TABLE_CLASSIFY : BP_TABLE_REGRESS;
    c->to = &c->found;
    c->reading = bp_table_defaults();
    c->reading.on_columns = choose_columns;
    c->reading.ctx = c;
    bp_status status = name_list_parse(&c->target, o, OPT_PLAIN_TARGET);
    status = status == BP_OK ? name_list_parse(&c->drop, o, OPT_PLAIN_DROP) : status;
    return status == BP_OK ? name_list_parse(&c->id, o, OPT_PLAIN_ID) : status;
}

/* Whether to read once more, with the index that was found to be lacking. */
static bool again(bp_table_options *reading, char name[32], const char **list, const model_columns *c)
{
    if (c->found.last_index == 0 || reading->number_count > 0) {
        return false;
    }
    snprintf(name, 32, "column%zu", c->found.last_index);
    *list = name;
    *reading = c->reading;
    reading->number = list;
    reading->number_count = 1;
    return true;
}

/* ---- as in training ---------------------------------------------------------------------------------------------- */

static bp_status begin_own(model_columns *c, const options *o)
{
    static const option_id roles[] = {OPT_PLAIN_TARGET, OPT_PLAIN_DROP, OPT_PLAIN_ID};
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) {
        if (given(o, roles[i])) {
            return bp_fail(BP_ERR_ARGUMENT,
                           "--%s: %s was trained on a table and knows its columns; the option is for models that do "
                           "not, such as imported ones",
                           option_table[roles[i]].name, o->positional[0]);
        }
    }
    bp_status status = bp_model_preparation(&c->own, c->model);
    if (status == BP_OK) {
        c->preparation = c->own;
        c->task = bp_preparation_task(c->own);
        c->reading = bp_preparation_reading(c->own, c->with_target);
    }
    return status;
}

/* ---- both -------------------------------------------------------------------------------------------------------- */

bp_status columns_begin(model_columns *c, const bp_model *m, const options *o, const char *path, bool with_target)
{
    *c = (model_columns){.model = m, .path = path, .with_target = with_target};
    bp_status status = bp_model_preparation_text(m) != NULL ? begin_own(c, o) : begin_plain(c, o);
    return status == BP_OK ? table_reading(&c->reading, o) : status;
}

bp_status columns_read(bp_table **out, model_columns *c)
{
    char name[32];
    const char *list;
    bp_table_options reading = c->reading;
    bp_status status;
    do {
        status = bp_table_read(out, c->path, &reading);
    } while (status != BP_OK && again(&reading, name, &list, c));
    c->preparation = c->plain ? c->found.preparation : c->own;
    return status;
}

bp_status columns_open(bp_table_stream **out, model_columns *c)
{
    char name[32];
    const char *list;
    bp_table_options reading = c->reading;
    bp_status status;
    do {
        status = bp_table_open(out, c->path, &reading);
    } while (status != BP_OK && again(&reading, name, &list, c));
    c->preparation = c->plain ? c->found.preparation : c->own;
    return status;
}

void columns_free(model_columns *c)
{
    name_list_free(&c->target);
    name_list_free(&c->drop);
    name_list_free(&c->id);
    bp_preparation_free(c->found.preparation);
    bp_preparation_free(c->own);
    *c = (model_columns){0};
}

void columns_say(const terminal *t, const model_columns *c)
{
    enum { NAME = 40 };
    bp_feature_info first, last;
    if (!c->plain) {
        return;
    }
    size_t inputs = bp_preparation_inputs(c->preparation);
    bp_preparation_feature(c->preparation, 0, &first);
    bp_preparation_feature(c->preparation, inputs - 1, &last);
    fprintf(t->file, "columns by position: %zu input%s, %.*s", inputs, inputs == 1 ? "" : "s", NAME, first.column);
    if (inputs > 1) {
        fprintf(t->file, " to %.*s", NAME, last.column);
    }
    if (c->found.has_target) {
        const char *more = NULL;
        fprintf(t->file, "; target %.*s", NAME, bp_preparation_target(c->preparation, 0, NULL, NULL));
        for (size_t k = 1; (more = bp_preparation_target(c->preparation, k, NULL, NULL)) != NULL && k < 8; k++) {
            fprintf(t->file, ", %.*s", NAME, more);
        }
        fputs(more != NULL ? ", ..." : "", t->file);
    }
    fputc('\n', t->file);
}
