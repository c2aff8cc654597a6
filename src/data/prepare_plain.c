/* prepare_plain.c - the preparation of a model that knows no columns, since it was imported or trained on arrays: the columns
 * of a table, in their order, are its inputs, as they are. Which ones is decided here, from their number and what the caller
 * says; nothing is fitted. */
#include <stdio.h>

#include "base/decimal.h"
#include "data/prepare.h"

typedef enum role { ROLE_INPUT, ROLE_TARGET, ROLE_ID, ROLE_DROPPED } role;

typedef struct plain {
    bp_preparation *p;
    const bp_model *m;
    const bp_table *t;
    bool with_target;
    size_t inputs, outputs, targets; /* of the model; columns of targets: one for classes */
    role *role;                      /* of each column of t */
    size_t *target;                  /* columns of the targets; none in the table: beyond its last */
    size_t rest;                     /* columns that nobody has given a role */
} plain;

/* ---- Which column is what ---------------------------------------------------------------------------------------- */

static bp_status take(plain *w, const bp_columns *list, role as)
{
    for (size_t i = 0; i < list->count; i++) {
        size_t c = bp_table_find(w->t, list->name[i]);
        if (c == w->t->column_count) {
            return bp_last_status();
        }
        if (w->role[c] != ROLE_INPUT) {
            return bp_fail(BP_ERR_ARGUMENT, "column \"%s\" of %s is named twice; it can have one role",
                           w->t->column[c].name, w->t->source);
        }
        w->role[c] = as;
        w->rest--;
        if (as == ROLE_TARGET) {
            w->target[i] = c;
        }
    }
    return BP_OK;
}

static bp_status take_named(plain *w, const bp_prepare_options *o)
{
    if (o->target.count > 0 && o->target.count != w->targets) {
        return bp_fail(BP_ERR_ARGUMENT, "%zu target column%s named, but the answers of the model need %zu",
                       o->target.count, o->target.count == 1 ? " is" : "s are", w->targets);
    }
    bp_status status = take(w, &o->target, ROLE_TARGET);
    status = status == BP_OK ? take(w, &o->id, ROLE_ID) : status;
    return status == BP_OK ? take(w, &o->drop, ROLE_DROPPED) : status;
}

/* Without a name, the targets are the last columns, or not there: then they are thought of as following the last. */
static void take_last_targets(plain *w)
{
    bool there = w->rest == w->inputs + w->targets;
    size_t c = w->t->column_count;
    for (size_t k = w->targets; k-- > 0;) {
        w->target[k] = w->t->column_count + k;
        if (there) {
            do {
                c--;
            } while (w->role[c] != ROLE_INPUT);
            w->role[c] = ROLE_TARGET;
            w->rest--;
            w->target[k] = c;
        }
    }
}

/* "; column 1, "name", is no number": most probably what is one too many. */
static const char *odd_column(char *out, size_t size, const plain *w)
{
    out[0] = '\0';
    for (size_t c = 0; c < w->t->column_count; c++) {
        const bp_column *column = &w->t->column[c];
        if (w->role[c] == ROLE_INPUT && column->kind != BP_COLUMN_NUMBER) {
            snprintf(out, size, "; column %zu, \"%.60s\", is no number", c + 1, column->name);
            break;
        }
    }
    return out;
}

static bp_status fail_count(const plain *w, bool named)
{
    char left[64] = "", odd[120], target[64] = " besides the target";
    size_t columns = w->t->column_count;
    if (w->rest != columns) {
        snprintf(left, sizeof left, " (%zu without those that are named)", w->rest);
    }
    if (!named && w->with_target) {
        snprintf(target, sizeof target, " and, behind them, %zu for the target", w->targets);
    } else if (!named) {
        snprintf(target, sizeof target, ", or %zu with the target", w->inputs + w->targets);
    }
    bool more = w->rest > w->inputs;
    return bp_fail(BP_ERR_SHAPE, "%s has %zu column%s%s, but the model, which knows none by name, takes %zu%s%s%s",
                   w->t->source, columns, columns == 1 ? "" : "s", left, w->inputs, target,
                   odd_column(odd, sizeof odd, w),
                   more ? "; say which one is the target and which ones to leave out" : "");
}

static bp_status fail_kind(const plain *w, size_t c)
{
    return bp_fail(BP_ERR_DATA,
                   "column %zu, \"%s\", of %s is no number, but the model takes %zu numbers as they are: write it as "
                   "numbers, as the model was trained on, or leave it out where it is no input",
                   c + 1, w->t->column[c].name, w->t->source, w->inputs);
}

static bp_status find_roles(plain *w, const bp_prepare_options *o)
{
    bool named = o->target.count > 0, numbers = bp_model_describe(w->m).task == BP_REGRESS;
    bp_status status = take_named(w, o);
    if (status != BP_OK) {
        return status;
    }
    bool last = !named && w->rest == w->inputs + w->targets;
    if ((w->rest != w->inputs && !last) || (w->with_target && !named && !last)) {
        return fail_count(w, named);
    }
    if (!named) {
        take_last_targets(w);
    }
    for (size_t c = 0; c < w->t->column_count; c++) {
        bool needed = w->role[c] == ROLE_INPUT || (w->role[c] == ROLE_TARGET && numbers && w->with_target);
        if (needed && w->t->column[c].kind != BP_COLUMN_NUMBER) {
            return fail_kind(w, c);
        }
    }
    return BP_OK;
}

/* ---- The preparation --------------------------------------------------------------------------------------------- */

static bp_status set_source(bp_source *s, plain *w, size_t column, bool text)
{
    char name[32];
    const bp_table *t = w->t;
    bool there = column < t->column_count;
    snprintf(name, sizeof name, "output%zu", column - t->column_count + 1);
    *s = (bp_source){.name = bp_pool_copy(&w->p->pool, there ? t->column[column].name : name),
                     .position = column,
                     .read = text ? BP_COLUMN_TEXT : BP_COLUMN_NUMBER,
                     .type = text ? BP_I32 : BP_F64};
    return s->name ? BP_OK : BP_ERR_MEMORY;
}

static bp_status add_features(plain *w)
{
    bp_preparation *p = w->p;
    bp_status status = BP_OK;
    p->feature = bp_pool_alloc(&p->pool, w->inputs, sizeof *p->feature);
    p->id = bp_pool_alloc(&p->pool, w->t->column_count, sizeof *p->id);
    if (!p->feature || !p->id) {
        return BP_ERR_MEMORY;
    }
    for (size_t c = 0; c < w->t->column_count && status == BP_OK; c++) {
        if (w->role[c] == ROLE_INPUT) {
            bp_feature *f = &p->feature[p->features++];
            *f = (bp_feature){.kind = BP_FEATURE_NUMBER, .scale = bp_scale_none};
            status = set_source(&f->source, w, c, false);
        } else if (w->role[c] == ROLE_ID) {
            status = set_source(&p->id[p->ids++], w, c, true);
        }
    }
    return status;
}

/* The model's names of classes; without any, their numbers. */
static bp_status add_classes(plain *w, bp_texts *level)
{
    level->text = bp_pool_alloc(&w->p->pool, w->outputs, sizeof *level->text);
    for (; level->text && level->count < w->outputs; level->count++) {
        char number[24];
        const char *name = bp_model_class(w->m, level->count);
        snprintf(number, sizeof number, "%zu", level->count);
        level->text[level->count] = bp_pool_copy(&w->p->pool, name ? name : number);
        if (!level->text[level->count]) {
            return BP_ERR_MEMORY;
        }
    }
    return level->text ? BP_OK : BP_ERR_MEMORY;
}

static bp_status add_targets(plain *w)
{
    bp_preparation *p = w->p;
    bool classes = p->task == BP_TABLE_CLASSIFY;
    const double *mean = NULL, *scale = NULL;
    bool scaled = bp_model_output_scaling(w->m, &mean, &scale) == w->targets && !classes;
    p->target = bp_pool_alloc(&p->pool, w->targets, sizeof *p->target);
    bp_status status = p->target ? BP_OK : BP_ERR_MEMORY;
    for (; p->targets < w->targets && status == BP_OK; p->targets++) {
        bp_target *t = &p->target[p->targets];
        *t = (bp_target){.mean = scaled ? mean[p->targets] : 0, .deviation = scaled ? scale[p->targets] : 1};
        status = set_source(&t->source, w, w->target[p->targets], classes);
        status = status == BP_OK && classes ? add_classes(w, &t->level) : status;
    }
    return status;
}

static bp_status make(plain *w)
{
    bp_preparation *p = w->p;
    p->task = bp_model_describe(w->m).task == BP_CLASSIFY ? BP_TABLE_CLASSIFY : BP_TABLE_REGRESS;
    p->missing = BP_MISSING_ERROR;
    p->header = w->t->has_header;
    p->columns = w->t->column_count;
    for (size_t k = 0; k < w->targets; k++) {
        p->columns += w->target[k] >= w->t->column_count;
    }
    bp_status status = add_features(w);
    status = status == BP_OK ? add_targets(w) : status;
    status = status == BP_OK ? bp_preparation_layout(p) : status;
    return status == BP_OK ? bp_preparation_describe(p) : status;
}

bp_status bp_preparation_plain(bp_preparation **out, const bp_model *m, const bp_table *columns, bool with_target,
                               const bp_prepare_options *options)
{
    bp_prepare_options o = options ? *options : bp_prepare_defaults();
    bp_model_options model = bp_model_describe(m);
    plain w = {.m = m, .t = columns, .with_target = with_target, .inputs = model.inputs, .outputs = model.outputs};
    *out = NULL;
    w.targets = model.task == BP_CLASSIFY ? 1 : model.outputs;
    w.rest = columns->column_count;
    bp_status status = bp_preparation_new(&w.p, o.allocator);
    if (status != BP_OK) {
        return status;
    }
    bp_pool work = {w.p->pool.allocator, NULL};
    w.role = bp_pool_alloc(&work, columns->column_count, sizeof *w.role);
    w.target = bp_pool_alloc(&work, w.targets, sizeof *w.target);
    status = w.role && w.target ? find_roles(&w, &o) : BP_ERR_MEMORY;
    status = status == BP_OK ? make(&w) : status;
    bp_pool_free(&work);
    if (status != BP_OK) {
        bp_preparation_free(w.p);
        return status;
    }
    *out = w.p;
    return BP_OK;
}
