/* prepare_text.c - a preparation as JSON; prepare_parse.c reads it back, docs/formats.md specifies it. Keys have a fixed
 * order and doubles 17 digits: the same preparation gives the same bytes, and every number comes back. */
#include "data/prepare.h"

#include <jansson.h>
#include <stdlib.h>

/* Sets a key; false when memory is out or a text is no UTF-8. value is released in any case. */
static bool put(json_t *object, const char *key, json_t *value)
{
    return value && json_object_set_new(object, key, value) == 0;
}

static json_t *texts(const bp_texts *t)
{
    json_t *list = json_array();
    for (size_t i = 0; i < t->count; i++) {
        if (json_array_append_new(list, json_string(t->text[i])) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static json_t *numbers(const double *x, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        if (json_array_append_new(list, json_real(x[i])) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static json_t *checked(json_t *object, bool complete)
{
    if (!complete) {
        json_decref(object);
        return NULL;
    }
    return object;
}

static bool put_source(json_t *o, const bp_source *s)
{
    bool good = put(o, "column", json_string(s->name)) &&
                put(o, "position", json_integer((json_int_t)s->position + 1)) &&
                put(o, "read", json_string(bp_column_kind_name(s->read)));
    if (s->read == BP_COLUMN_NUMBER) {
        good = good && put(o, "type", json_string(bp_type_name(s->type)));
    } else if (s->read == BP_COLUMN_DATE) {
        good = good && put(o, "format", json_string(bp_date_format_name(s->format)));
    }
    return good;
}

static json_t *source(const bp_source *s)
{
    json_t *o = json_object();
    return checked(o, put_source(o, s));
}

static json_t *scale(const bp_scale *s)
{
    json_t *o = json_object();
    bool good = put(o, "map", json_string(bp_scale_map_name(s->map)));
    if (s->map == BP_MAP_ASINH) {
        good = good && put(o, "origin", json_real(s->origin)) && put(o, "unit", json_real(s->unit));
    } else if (s->map == BP_MAP_QUANTILE) {
        good = good && put(o, "values", numbers(s->knot, s->knots)) && put(o, "scores", numbers(s->score, s->knots));
    }
    good = good && put(o, "center", json_real(s->center)) && put(o, "scale", json_real(s->scale)) &&
           put(o, "limit", json_real(s->limit));
    return checked(o, good);
}

/* ---- Features: what each kind has besides ------------------------------------------------------------------------ */

static bool put_number(json_t *o, const bp_feature *f)
{
    return put(o, "filled", json_real(f->filled)) && put(o, "indicator", json_boolean(f->indicator)) &&
           put(o, "scale", scale(&f->scale));
}

static bool put_boolean(json_t *o, const bp_feature *f)
{
    if (f->level.count == 0) {
        return put_number(o, f);
    }
    return put(o, "levels", texts(&f->level)) && put(o, "indicator", json_boolean(f->indicator)) &&
           put(o, "scale", scale(&f->scale));
}

static bool put_date(json_t *o, const bp_feature *f)
{
    json_t *parts = json_object();
    bool good = true;
    for (bp_date_part p = 0; p < BP_DATE_PARTS; p++) {
        if (f->part[p]) {
            bool cyclic = bp_date_part_period(p) > 0;
            good = good && put(parts, bp_date_part_name(p), cyclic ? json_string("cyclic") : scale(&f->part_scale[p]));
        }
    }
    return put(o, "filled", json_real(f->filled)) && put(o, "indicator", json_boolean(f->indicator)) &&
           put(o, "parts", checked(parts, good));
}

static bool put_category(json_t *o, const bp_feature *f)
{
    return put(o, "levels", texts(&f->level)) && put(o, "other", json_boolean(f->other)) &&
           put(o, "pooled", texts(&f->pooled)) && put(o, "missing", json_boolean(f->missing));
}

typedef bool (*put_feature)(json_t *o, const bp_feature *f);
static const put_feature puts_feature[] = {put_number, put_boolean, put_date, put_category};
_Static_assert(sizeof puts_feature / sizeof *puts_feature == BP_FEATURE_KINDS, "one function a kind");

static json_t *feature(const bp_feature *f)
{
    json_t *o = json_object();
    bool good = put_source(o, &f->source) && put(o, "kind", json_string(bp_feature_kind_name(f->kind)));
    return checked(o, good && puts_feature[f->kind](o, f));
}

/* ---- The rest ---------------------------------------------------------------------------------------------------- */

static json_t *target(const bp_target *t, bp_table_task task)
{
    json_t *o = json_object();
    bool good = put_source(o, &t->source);
    if (task == BP_TABLE_REGRESS) {
        good = good && put(o, "mean", json_real(t->mean)) && put(o, "deviation", json_real(t->deviation));
    } else {
        good = good && put(o, "levels", texts(&t->level));
    }
    return checked(o, good);
}

static json_t *note(const bp_prepare_note *n)
{
    json_t *o = json_object();
    return checked(o, put(o, "column", json_string(n->column)) && put(o, "text", json_string(n->text)));
}

/* Appends an element to a list and says whether that went well. */
static bool append(json_t *list, json_t *value)
{
    return value && json_array_append_new(list, value) == 0;
}

static json_t *describe(const bp_preparation *p)
{
    json_t *o = json_object(), *features = json_array(), *targets = json_array(), *ids = json_array(),
           *notes = json_array();
    bool good = true;
    for (size_t i = 0; i < p->features; i++) {
        good = good && append(features, feature(&p->feature[i]));
    }
    for (size_t i = 0; i < p->targets; i++) {
        good = good && append(targets, target(&p->target[i], p->task));
    }
    for (size_t i = 0; i < p->ids; i++) {
        good = good && append(ids, source(&p->id[i]));
    }
    for (size_t i = 0; i < p->notes; i++) {
        good = good && append(notes, note(&p->note[i]));
    }
    good = put(o, "version", json_integer(BP_PREPARE_VERSION)) && good;
    good = put(o, "task", json_string(bp_table_task_name(p->task))) && good;
    good = put(o, "missing", json_string(bp_missing_rule_name(p->missing))) && good;
    good = put(o, "header", json_boolean(p->header)) && good;
    good = put(o, "columns", json_integer((json_int_t)p->columns)) && good;
    good = put(o, "features", features) && good;
    good = put(o, "targets", targets) && good;
    if (p->class_weight) {
        good = put(o, "class_weights", numbers(p->class_weight, p->target[0].level.count)) && good;
    }
    if (p->weight) {
        good = put(o, "weight", source(p->weight)) && good;
    }
    good = put(o, "ids", ids) && good;
    good = put(o, "notes", notes) && good;
    return checked(o, good);
}

bp_status bp_preparation_describe(bp_preparation *p)
{
    json_t *o = describe(p);
    char *text = o ? json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(17)) : NULL;
    json_decref(o);
    if (!text) {
        return bp_fail(BP_ERR_DATA, "describing the preparation: a name or level is no valid UTF-8, or memory is out");
    }
    p->text = bp_pool_copy(&p->pool, text);
    free(text);
    return p->text ? BP_OK : BP_ERR_MEMORY;
}
