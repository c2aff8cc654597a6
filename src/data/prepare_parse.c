/* prepare_parse.c - a preparation from its JSON text, which prepare_text.c writes and docs/formats.md specifies. Nothing in it
 * is believed: what apply relies on is checked here. */
#include "data/prepare.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

/* ---- Values ------------------------------------------------------------------------------------------------------ */

static bp_status fail_key(const char *key, const char *expected)
{
    return bp_fail(BP_ERR_FORMAT, "\"%s\" is missing or not %s", key, expected);
}

static bp_status get_size(size_t *out, const json_t *o, const char *key, size_t least, size_t most)
{
    const json_t *j = json_object_get(o, key);
    json_int_t value = json_integer_value(j);
    if (!json_is_integer(j) || value < 0 || (size_t)value < least || (size_t)value > most) {
        return bp_fail(BP_ERR_FORMAT, "\"%s\" is missing or no whole number from %zu to %zu", key, least, most);
    }
    *out = (size_t)value;
    return BP_OK;
}

static bp_status get_number(double *out, const json_t *o, const char *key)
{
    const json_t *j = json_object_get(o, key);
    *out = json_number_value(j);
    return json_is_number(j) && isfinite(*out) ? BP_OK : fail_key(key, "a number");
}

static bp_status get_bool(bool *out, const json_t *o, const char *key)
{
    const json_t *j = json_object_get(o, key);
    *out = json_is_true(j);
    return json_is_boolean(j) ? BP_OK : fail_key(key, "true or false");
}

static bp_status get_text(const char **out, bp_pool *pool, const json_t *o, const char *key)
{
    const json_t *j = json_object_get(o, key);
    if (!json_is_string(j)) {
        return fail_key(key, "a text");
    }
    *out = bp_pool_copy(pool, json_string_value(j));
    return *out ? BP_OK : BP_ERR_MEMORY;
}

/* The index of the name under a key, of `count`. */
static bp_status get_name(int *out, const json_t *o, const char *key, bp_name_at name_at, size_t count)
{
    const char *name = json_string_value(json_object_get(o, key));
    if (!name) {
        return fail_key(key, "a name");
    }
    *out = bp_find_name(name, name_at, count);
    return *out >= 0 ? BP_OK : bp_fail_unknown(key, name, name_at, count);
}

static bp_status get_list(const json_t **out, const json_t *o, const char *key, size_t least)
{
    *out = json_object_get(o, key);
    return json_is_array(*out) && json_array_size(*out) >= least ? BP_OK : fail_key(key, "a list that is long enough");
}

static bp_status get_numbers(double **out, size_t *count, bp_pool *pool, const json_t *o, const char *key)
{
    const json_t *list;
    bp_status status = get_list(&list, o, key, 0);
    if (status != BP_OK) {
        return status;
    }
    *count = json_array_size(list);
    *out = bp_pool_alloc(pool, *count, sizeof **out);
    for (size_t i = 0; *out && i < *count; i++) {
        const json_t *j = json_array_get(list, i);
        (*out)[i] = json_number_value(j);
        if (!json_is_number(j) || !isfinite((*out)[i])) {
            return fail_key(key, "a list of numbers");
        }
    }
    return *out ? BP_OK : BP_ERR_MEMORY;
}

static bp_status get_texts(bp_texts *out, bp_pool *pool, const json_t *o, const char *key)
{
    const json_t *list;
    bp_status status = get_list(&list, o, key, 0);
    if (status != BP_OK) {
        return status;
    }
    out->count = json_array_size(list);
    out->text = bp_pool_alloc(pool, out->count, sizeof *out->text);
    for (size_t i = 0; out->text && i < out->count; i++) {
        const char *text = json_string_value(json_array_get(list, i));
        if (!text) {
            return fail_key(key, "a list of texts");
        }
        out->text[i] = bp_pool_copy(pool, text);
        if (!out->text[i]) {
            return BP_ERR_MEMORY;
        }
    }
    return out->text ? BP_OK : BP_ERR_MEMORY;
}

/* Texts that are searched by halving. */
static bp_status get_ordered(bp_texts *out, bp_pool *pool, const json_t *o, const char *key)
{
    bp_status status = get_texts(out, pool, o, key);
    for (size_t i = 1; status == BP_OK && i < out->count; i++) {
        if (strcmp(out->text[i - 1], out->text[i]) >= 0) {
            status = bp_fail(BP_ERR_FORMAT, "\"%s\" is not in ascending order at \"%.60s\"", key, out->text[i]);
        }
    }
    return status;
}

/* ---- Names by number --------------------------------------------------------------------------------------------- */

static const char *read_name(size_t i)
{
    return bp_column_kind_name((bp_column_kind)i);
}

static const char *type_name(size_t i)
{
    return bp_type_name((bp_type)i);
}

static const char *kind_name(size_t i)
{
    return bp_feature_kind_name((bp_feature_kind)i);
}

static const char *map_name(size_t i)
{
    return bp_scale_map_name((bp_scale_map)i);
}

static const char *task_name(size_t i)
{
    return bp_table_task_name((bp_table_task)i);
}

static const char *missing_name(size_t i)
{
    return bp_missing_rule_name((bp_missing_rule)i);
}

/* ---- Columns and scales ------------------------------------------------------------------------------------------ */

typedef struct parser {
    bp_preparation *p;
    bp_pool *pool;
    bool *taken; /* columns that have a role */
    size_t columns;
} parser;

static bp_status get_source(bp_source *out, parser *r, const json_t *o)
{
    int read = 0, type = BP_F64, format = BP_DATE_ISO;
    bp_status status = get_text(&out->name, r->pool, o, "column");
    status = status == BP_OK ? get_size(&out->position, o, "position", 1, r->columns) : status;
    status = status == BP_OK ? get_name(&read, o, "read", read_name, BP_COLUMN_KINDS) : status;
    if (status == BP_OK && read == BP_COLUMN_NUMBER) {
        status = get_name(&type, o, "type", type_name, BP_F64 + 1);
    } else if (status == BP_OK && read == BP_COLUMN_DATE) {
        status = get_name(&format, o, "format", bp_date_format_name, BP_DATE_FORMATS);
    }
    out->position -= status == BP_OK;
    out->read = (bp_column_kind)read;
    out->type = read == BP_COLUMN_TEXT ? BP_I32 : (bp_type)type;
    out->format = (bp_date_format)format;
    return status;
}

static bp_status get_knots(bp_scale *s, bp_pool *pool, const json_t *o)
{
    size_t scores = 0;
    bp_status status = get_numbers(&s->knot, &s->knots, pool, o, "values");
    status = status == BP_OK ? get_numbers(&s->score, &scores, pool, o, "scores") : status;
    if (status == BP_OK && (s->knots < 2 || scores != s->knots)) {
        return bp_fail(BP_ERR_FORMAT, "%zu \"values\" and %zu \"scores\"; expected as many, 2 or more", s->knots,
                       scores);
    }
    for (size_t i = 1; status == BP_OK && i < s->knots; i++) {
        if (!(s->knot[i - 1] < s->knot[i] && s->score[i - 1] <= s->score[i])) {
            status = bp_fail(BP_ERR_FORMAT, "\"values\" or \"scores\" do not ascend at %.17g", s->knot[i]);
        }
    }
    return status;
}

static bp_status get_scale(bp_scale *s, bp_pool *pool, const json_t *o, const char *key)
{
    const json_t *j = json_object_get(o, key);
    int map = 0;
    bp_status status = json_is_object(j) ? get_name(&map, j, "map", map_name, BP_MAPS) : fail_key(key, "an object");
    s->map = (bp_scale_map)map;
    if (status == BP_OK && s->map == BP_MAP_ASINH) {
        status = get_number(&s->origin, j, "origin");
        status = status == BP_OK ? get_number(&s->unit, j, "unit") : status;
        status = status == BP_OK && !(s->unit > 0) ? fail_key("unit", "above 0") : status;
    } else if (status == BP_OK && s->map == BP_MAP_QUANTILE) {
        status = get_knots(s, pool, j);
    }
    status = status == BP_OK ? get_number(&s->center, j, "center") : status;
    status = status == BP_OK ? get_number(&s->scale, j, "scale") : status;
    status = status == BP_OK ? get_number(&s->limit, j, "limit") : status;
    return status == BP_OK && !(s->limit > 0 && s->limit <= 1e30) ? fail_key("limit", "above 0") : status;
}

/* ---- Features ---------------------------------------------------------------------------------------------------- */

static bp_status get_number_feature(bp_feature *f, bp_pool *pool, const json_t *o)
{
    bp_status status = get_number(&f->filled, o, "filled");
    status = status == BP_OK ? get_bool(&f->indicator, o, "indicator") : status;
    return status == BP_OK ? get_scale(&f->scale, pool, o, "scale") : status;
}

static bp_status get_boolean_feature(bp_feature *f, bp_pool *pool, const json_t *o)
{
    if (!json_object_get(o, "levels")) {
        return get_number_feature(f, pool, o);
    }
    bp_status status = get_ordered(&f->level, pool, o, "levels");
    if (status == BP_OK && f->level.count != 2) {
        return fail_key("levels", "a list of two texts");
    }
    status = status == BP_OK ? get_bool(&f->indicator, o, "indicator") : status;
    return status == BP_OK ? get_scale(&f->scale, pool, o, "scale") : status;
}

static bp_status get_date_feature(bp_feature *f, bp_pool *pool, const json_t *o)
{
    const json_t *parts = json_object_get(o, "parts");
    bp_status status = json_is_object(parts) ? get_number(&f->filled, o, "filled") : fail_key("parts", "an object");
    status = status == BP_OK ? get_bool(&f->indicator, o, "indicator") : status;
    for (bp_date_part p = 0; p < BP_DATE_PARTS && status == BP_OK; p++) {
        f->part[p] = json_object_get(parts, bp_date_part_name(p)) != NULL;
        if (f->part[p] && !(bp_date_part_period(p) > 0)) {
            status = get_scale(&f->part_scale[p], pool, parts, bp_date_part_name(p));
        }
    }
    return status;
}

static bp_status get_category_feature(bp_feature *f, bp_pool *pool, const json_t *o)
{
    bp_status status = get_ordered(&f->level, pool, o, "levels");
    status = status == BP_OK ? get_bool(&f->other, o, "other") : status;
    status = status == BP_OK ? get_ordered(&f->pooled, pool, o, "pooled") : status;
    return status == BP_OK ? get_bool(&f->missing, o, "missing") : status;
}

typedef bp_status (*get_kind)(bp_feature *f, bp_pool *pool, const json_t *o);
static const get_kind gets[] = {get_number_feature, get_boolean_feature, get_date_feature, get_category_feature};
_Static_assert(sizeof gets / sizeof *gets == BP_FEATURE_KINDS, "one function a kind");

static bp_status get_feature(bp_feature *f, parser *r, const json_t *o)
{
    int kind = 0;
    bp_status status = get_source(&f->source, r, o);
    status = status == BP_OK ? get_name(&kind, o, "kind", kind_name, BP_FEATURE_KINDS) : status;
    f->kind = (bp_feature_kind)kind;
    status = status == BP_OK ? gets[kind](f, r->pool, o) : status;
    bool texts = f->kind == BP_FEATURE_CATEGORY || f->level.count > 0;
    bool date = f->source.read == BP_COLUMN_DATE;
    if (status == BP_OK && ((date && texts) || (!date && f->kind == BP_FEATURE_DATE))) {
        return bp_fail(BP_ERR_FORMAT, "a %s cannot come from a column of kind %s", bp_feature_kind_name(f->kind),
                       bp_column_kind_name(f->source.read));
    }
    return status == BP_OK && bp_feature_inputs(f) == 0 ? bp_fail(BP_ERR_FORMAT, "it has no inputs") : status;
}

static bp_status get_features(parser *r, const json_t *o)
{
    bp_preparation *p = r->p;
    const json_t *list;
    bp_status status = get_list(&list, o, "features", 1);
    size_t count = status == BP_OK ? json_array_size(list) : 0;
    p->feature = bp_pool_alloc(r->pool, count, sizeof *p->feature);
    status = status == BP_OK && !p->feature ? BP_ERR_MEMORY : status;
    for (; p->features < count && status == BP_OK; p->features++) {
        bp_feature *f = &p->feature[p->features];
        status = get_feature(f, r, json_array_get(list, p->features));
        if (status == BP_OK && p->features > 0 && f[-1].kind == BP_FEATURE_CATEGORY && f->kind != BP_FEATURE_CATEGORY) {
            status = bp_fail(BP_ERR_FORMAT, "it stands behind a category");
        }
        if (status != BP_OK) {
            return bp_fail_context(status, "feature %zu: ", p->features + 1);
        }
    }
    return status;
}

/* ---- Targets ----------------------------------------------------------------------------------------------------- */

static bp_status check_classes(const bp_texts *t)
{
    for (size_t i = 0; i < t->count; i++) {
        for (size_t j = 0; j < i; j++) {
            if (strcmp(t->text[i], t->text[j]) == 0) {
                return bp_fail(BP_ERR_FORMAT, "\"levels\" has \"%.60s\" twice", t->text[i]);
            }
        }
    }
    return t->count >= 2 ? BP_OK : fail_key("levels", "a list of two or more texts");
}

static bp_status get_target(bp_target *t, parser *r, const json_t *o)
{
    bp_status status = get_source(&t->source, r, o);
    if (status != BP_OK) {
        return status;
    }
    if (r->p->task != BP_TABLE_REGRESS) {
        status = get_texts(&t->level, r->pool, o, "levels");
        status = status == BP_OK ? check_classes(&t->level) : status;
        bool labels = r->p->task == BP_TABLE_MULTILABEL;
        return status == BP_OK && labels && t->level.count != 2 ? fail_key("levels", "a list of two texts") : status;
    }
    status = get_number(&t->mean, o, "mean");
    status = status == BP_OK ? get_number(&t->deviation, o, "deviation") : status;
    return status == BP_OK && !(t->deviation > 0) ? fail_key("deviation", "above 0") : status;
}

static bp_status get_targets(parser *r, const json_t *o)
{
    bp_preparation *p = r->p;
    const json_t *list;
    bp_status status = get_list(&list, o, "targets", 1);
    size_t count = status == BP_OK ? json_array_size(list) : 0;
    if (p->task == BP_TABLE_CLASSIFY && count > 1) {
        return bp_fail(BP_ERR_FORMAT, "task classify with %zu targets", count);
    }
    p->target = bp_pool_alloc(r->pool, count, sizeof *p->target);
    status = status == BP_OK && !p->target ? BP_ERR_MEMORY : status;
    for (; p->targets < count && status == BP_OK; p->targets++) {
        status = get_target(&p->target[p->targets], r, json_array_get(list, p->targets));
        if (status != BP_OK) {
            return bp_fail_context(status, "target %zu: ", p->targets + 1);
        }
    }
    return status;
}

static bp_status get_class_weights(parser *r, const json_t *o)
{
    bp_preparation *p = r->p;
    size_t count;
    if (!json_object_get(o, "class_weights")) {
        return BP_OK;
    }
    bp_status status = get_numbers(&p->class_weight, &count, r->pool, o, "class_weights");
    bool good = status == BP_OK && p->task == BP_TABLE_CLASSIFY && count == p->target[0].level.count;
    for (size_t i = 0; good && i < count; i++) {
        good = p->class_weight[i] >= 0;
    }
    return status == BP_OK && !good ? fail_key("class_weights", "one number a class, 0 or more") : status;
}

/* ---- The rest ---------------------------------------------------------------------------------------------------- */

static bp_status get_roles(parser *r, const json_t *o)
{
    bp_preparation *p = r->p;
    const json_t *list, *weight = json_object_get(o, "weight");
    bp_status status = get_list(&list, o, "ids", 0);
    size_t count = status == BP_OK ? json_array_size(list) : 0;
    p->id = bp_pool_alloc(r->pool, count, sizeof *p->id);
    status = status == BP_OK && !p->id ? BP_ERR_MEMORY : status;
    for (; p->ids < count && status == BP_OK; p->ids++) {
        status = get_source(&p->id[p->ids], r, json_array_get(list, p->ids));
    }
    if (weight && status == BP_OK) {
        p->weight = bp_pool_alloc(r->pool, 1, sizeof *p->weight);
        status = p->weight ? get_source(p->weight, r, weight) : BP_ERR_MEMORY;
    }
    return status;
}

static bp_status get_notes(parser *r, const json_t *o)
{
    bp_preparation *p = r->p;
    const json_t *list;
    bp_status status = get_list(&list, o, "notes", 0);
    size_t count = status == BP_OK ? json_array_size(list) : 0;
    p->note = bp_pool_alloc(r->pool, count, sizeof *p->note);
    status = status == BP_OK && !p->note ? BP_ERR_MEMORY : status;
    for (; p->notes < count && status == BP_OK; p->notes++) {
        const json_t *note = json_array_get(list, p->notes);
        status = get_text(&p->note[p->notes].column, r->pool, note, "column");
        status = status == BP_OK ? get_text(&p->note[p->notes].text, r->pool, note, "text") : status;
    }
    return status;
}

/* A column has one role at most. */
static bp_status take_column(parser *r, const bp_source *s)
{
    if (r->taken[s->position]) {
        return bp_fail(BP_ERR_FORMAT, "column %zu is used twice", s->position + 1);
    }
    r->taken[s->position] = true;
    return BP_OK;
}

static bp_status check_roles(parser *r)
{
    const bp_preparation *p = r->p;
    bp_status status = BP_OK;
    for (size_t i = 0; i < p->features && status == BP_OK; i++) {
        status = take_column(r, &p->feature[i].source);
    }
    for (size_t i = 0; i < p->targets && status == BP_OK; i++) {
        status = take_column(r, &p->target[i].source);
    }
    for (size_t i = 0; i < p->ids && status == BP_OK; i++) {
        status = take_column(r, &p->id[i]);
    }
    return p->weight && status == BP_OK ? take_column(r, p->weight) : status;
}

static bp_status parse_object(parser *r, const json_t *o)
{
    enum { MOST = 1 << 24 }; /* columns */
    bp_preparation *p = r->p;
    int task = 0, missing = 0;
    bp_status status = get_name(&task, o, "task", task_name, BP_TABLE_TASKS);
    status = status == BP_OK && task == BP_TABLE_AUTO ? fail_key("task", "a task") : status;
    status = status == BP_OK ? get_name(&missing, o, "missing", missing_name, BP_MISSING_RULES) : status;
    status = status == BP_OK ? get_bool(&p->header, o, "header") : status;
    status = status == BP_OK ? get_size(&p->columns, o, "columns", 2, MOST) : status;
    p->task = (bp_table_task)task;
    p->missing = (bp_missing_rule)missing;
    r->columns = p->columns;
    bp_pool work = {r->pool->allocator, NULL};
    r->taken = bp_pool_alloc(&work, p->columns, sizeof *r->taken);
    status = status == BP_OK && !r->taken ? BP_ERR_MEMORY : status;
    status = status == BP_OK ? get_features(r, o) : status;
    status = status == BP_OK ? get_targets(r, o) : status;
    status = status == BP_OK ? get_class_weights(r, o) : status;
    status = status == BP_OK ? get_roles(r, o) : status;
    status = status == BP_OK ? check_roles(r) : status;
    status = status == BP_OK ? get_notes(r, o) : status;
    bp_pool_free(&work);
    return status;
}

static bp_status check_version(const json_t *o)
{
    size_t version = 0;
    bp_status status = json_is_object(o) ? get_size(&version, o, "version", 1, SIZE_MAX)
                                         : bp_fail(BP_ERR_FORMAT, "it is no JSON object");
    if (status == BP_OK && version > BP_PREPARE_VERSION) {
        return bp_fail(BP_ERR_UNSUPPORTED, "it is of version %zu, this library knows versions up to %d: update it",
                       version, BP_PREPARE_VERSION);
    }
    return status;
}

bp_status bp_preparation_parse(bp_preparation **out, const char *text, const bp_allocator *allocator)
{
    *out = NULL;
    json_error_t error;
    json_t *o = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    if (!o) {
        return bp_fail(BP_ERR_FORMAT, "reading a preparation: no valid JSON at byte %d: %s", error.position,
                       error.text);
    }
    bp_preparation *p = NULL;
    bp_status status = check_version(o);
    status = status == BP_OK ? bp_preparation_new(&p, allocator) : status;
    if (status == BP_OK) {
        parser r = {.p = p, .pool = &p->pool};
        status = parse_object(&r, o);
        status = status == BP_OK ? bp_preparation_layout(p) : status;
        status = status == BP_OK ? bp_preparation_describe(p) : status;
    }
    json_decref(o);
    if (status != BP_OK) {
        bp_preparation_free(p);
        bool ours = status == BP_ERR_MEMORY || status == BP_ERR_UNSUPPORTED;
        return bp_fail_context(ours ? status : BP_ERR_FORMAT, "reading a preparation: ");
    }
    *out = p;
    return BP_OK;
}

/* ---- In a model -------------------------------------------------------------------------------------------------- */

bp_status bp_model_set_preparation(bp_model *m, const bp_preparation *p)
{
    bp_model_options o = bp_model_describe(m);
    if (p && (o.inputs != p->inputs || o.outputs != bp_preparation_outputs(p))) {
        return bp_fail(BP_ERR_SHAPE,
                       "the preparation makes %zu inputs and %zu outputs, the model has %zu inputs and %zu outputs",
                       p->inputs, bp_preparation_outputs(p), o.inputs, o.outputs);
    }
    return bp_model_set_preparation_text(m, p ? p->text : NULL);
}

bp_status bp_model_preparation(bp_preparation **out, const bp_model *m)
{
    const char *text = bp_model_preparation_text(m);
    bp_model_options o = bp_model_describe(m);
    *out = NULL;
    if (!text) {
        return bp_fail(BP_ERR_STATE, "the model has no preparation: it was not trained on a table");
    }
    bp_preparation *p;
    bp_status status = bp_preparation_parse(&p, text, o.allocator);
    if (!p) {
        return status;
    }
    if (status == BP_OK && (p->inputs != o.inputs || bp_preparation_outputs(p) != o.outputs)) {
        status = bp_fail(BP_ERR_FORMAT,
                         "the preparation in the model makes %zu inputs and %zu outputs, the model has %zu "
                         "and %zu",
                         p->inputs, bp_preparation_outputs(p), o.inputs, o.outputs);
        bp_preparation_free(p);
    }
    *out = status == BP_OK ? p : NULL;
    return status;
}
