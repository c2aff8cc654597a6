/* prepare.c - preparations as a caller sees them: names and defaults, life, and what can be asked of one. */
#include "data/prepare.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- Names and defaults ------------------------------------------------------------------------------------------ */

static const char *const feature_names[] = {"number", "boolean", "date", "category"};
static const char *const task_names[] = {"auto", "classify", "regress", "multilabel"};
static const char *const missing_names[] = {"impute", "drop", "error"};
static const char *const impute_names[] = {"median", "mean"};
static const char *const numbers_names[] = {"auto", "standard", "robust", "quantile"};
_Static_assert(sizeof feature_names / sizeof *feature_names == BP_FEATURE_KINDS, "one name a kind");
_Static_assert(sizeof task_names / sizeof *task_names == BP_TABLE_TASKS, "one name a task");
_Static_assert(sizeof missing_names / sizeof *missing_names == BP_MISSING_RULES, "one name a rule");
_Static_assert(sizeof impute_names / sizeof *impute_names == BP_IMPUTE_RULES, "one name a rule");
_Static_assert(sizeof numbers_names / sizeof *numbers_names == BP_NUMBERS_RULES, "one name a rule");

const char *bp_feature_kind_name(bp_feature_kind k)
{
    return (unsigned)k < BP_FEATURE_KINDS ? feature_names[k] : NULL;
}

const char *bp_table_task_name(bp_table_task t)
{
    return (unsigned)t < BP_TABLE_TASKS ? task_names[t] : NULL;
}

const char *bp_missing_rule_name(bp_missing_rule r)
{
    return (unsigned)r < BP_MISSING_RULES ? missing_names[r] : NULL;
}

const char *bp_impute_rule_name(bp_impute_rule r)
{
    return (unsigned)r < BP_IMPUTE_RULES ? impute_names[r] : NULL;
}

const char *bp_numbers_rule_name(bp_numbers_rule r)
{
    return (unsigned)r < BP_NUMBERS_RULES ? numbers_names[r] : NULL;
}

bp_prepare_options bp_prepare_defaults(void)
{
    return (bp_prepare_options){.max_levels = 64};
}

/* ---- Life -------------------------------------------------------------------------------------------------------- */

bp_status bp_preparation_new(bp_preparation **out, const bp_allocator *allocator)
{
    bp_allocator a = bp_allocator_or_default(allocator);
    *out = bp_alloc(&a, 1, sizeof **out);
    if (*out) {
        (*out)->pool.allocator = a;
    }
    return *out ? BP_OK : BP_ERR_MEMORY;
}

void bp_preparation_free(bp_preparation *p)
{
    if (p) {
        bp_allocator a = p->pool.allocator;
        bp_pool_free(&p->pool);
        bp_release(&a, p);
    }
}

/* ---- Layout ------------------------------------------------------------------------------------------------------ */

static size_t date_inputs(const bp_feature *f)
{
    size_t n = 0;
    for (bp_date_part p = 0; p < BP_DATE_PARTS; p++) {
        n += f->part[p] ? bp_date_part_inputs(p) : 0;
    }
    return n;
}

size_t bp_feature_inputs(const bp_feature *f)
{
    switch (f->kind) {
    case BP_FEATURE_CATEGORY:
        return f->level.count + f->other + f->missing;
    case BP_FEATURE_DATE:
        return date_inputs(f) + f->indicator;
    default:
        return 1 + (size_t)f->indicator;
    }
}

static bool is_plain(const bp_feature *f)
{
    return f->kind == BP_FEATURE_NUMBER && !f->indicator && f->source.type == BP_F64 && bp_scale_is_none(&f->scale);
}

bp_status bp_preparation_layout(bp_preparation *p)
{
    size_t first = 0;
    p->plain = p->missing == BP_MISSING_ERROR;
    for (size_t i = 0; i < p->features; i++) {
        bp_feature *f = &p->feature[i];
        bool category = f->kind == BP_FEATURE_CATEGORY;
        f->first = first;
        f->inputs = bp_feature_inputs(f);
        f->cell = category ? p->numbers + p->categories : first;
        p->categories += category;
        p->numbers += category ? 0 : f->inputs;
        p->plain = p->plain && is_plain(f);
        first += f->inputs;
    }
    p->inputs = first;
    return bp_preparation_list_reading(p);
}

/* ---- Questions --------------------------------------------------------------------------------------------------- */

const char *bp_preparation_text(const bp_preparation *p)
{
    return p->text;
}

size_t bp_preparation_inputs(const bp_preparation *p)
{
    return p->inputs;
}

size_t bp_preparation_outputs(const bp_preparation *p)
{
    return p->task == BP_TABLE_CLASSIFY ? p->target[0].level.count : p->targets;
}

bp_table_task bp_preparation_task(const bp_preparation *p)
{
    return p->task;
}

const char *bp_preparation_class(const bp_preparation *p, size_t index)
{
    if (index >= bp_preparation_outputs(p)) {
        return NULL;
    }
    return p->task == BP_TABLE_CLASSIFY ? p->target[0].level.text[index] : p->target[index].source.name;
}

const char *bp_preparation_target(const bp_preparation *p, size_t index, double *mean, double *deviation)
{
    if (index >= p->targets) {
        return NULL;
    }
    bool scaled = p->task == BP_TABLE_REGRESS;
    if (mean) {
        *mean = scaled ? p->target[index].mean : 0;
    }
    if (deviation) {
        *deviation = scaled ? p->target[index].deviation : 1;
    }
    return p->target[index].source.name;
}

const char *bp_preparation_weight(const bp_preparation *p)
{
    return p->weight ? p->weight->name : NULL;
}

const char *bp_preparation_id(const bp_preparation *p, size_t index)
{
    return index < p->ids ? p->id[index].name : NULL;
}

bp_missing_rule bp_preparation_missing(const bp_preparation *p)
{
    return p->missing;
}

const char *bp_preparation_label(const bp_preparation *p, size_t index, bool yes)
{
    bool labels = p->task == BP_TABLE_MULTILABEL && index < p->targets;
    return labels && p->target[index].level.count == 2 ? p->target[index].level.text[yes] : NULL;
}

/* A feature or a column that names rows. */
static const bp_source *used_source(const bp_preparation *p, const char *column)
{
    for (size_t i = 0; i < p->features; i++) {
        if (strcmp(p->feature[i].source.name, column) == 0) {
            return &p->feature[i].source;
        }
    }
    for (size_t i = 0; i < p->ids; i++) {
        if (strcmp(p->id[i].name, column) == 0) {
            return &p->id[i];
        }
    }
    return NULL;
}

size_t bp_preparation_find(const bp_preparation *p, const bp_table *t, const char *column, bool with_target)
{
    const bp_source *s = used_source(p, column);
    size_t found = s ? bp_source_column(p, t, s, with_target) : t->column_count;
    if (found == t->column_count) {
        bp_fail(BP_ERR_DATA, "%s has no column \"%s\", which the model knows", t->source, column);
    }
    return found;
}

double bp_preparation_class_weight(const bp_preparation *p, size_t index)
{
    return p->class_weight && index < bp_preparation_outputs(p) ? p->class_weight[index] : 1;
}

bool bp_preparation_note(const bp_preparation *p, size_t index, const char **column, const char **text)
{
    if (index >= p->notes) {
        return false;
    }
    *column = p->note[index].column;
    *text = p->note[index].text;
    return true;
}

/* ---- Features for people ----------------------------------------------------------------------------------------- */

static void describe_scale(char *out, size_t size, const bp_scale *s)
{
    static const char *const words[] = {"the same for all", "asinh, scaled", "normal quantiles"};
    _Static_assert(sizeof words / sizeof *words == BP_MAPS, "words for each map");
    if (bp_scale_is_none(s)) {
        snprintf(out, size, "as it is");
    } else if (s->map == BP_MAP_LINEAR && s->scale != 0) {
        snprintf(out, size, "(x %c %.4g) / %.4g", s->center < 0 ? '+' : '-', fabs(s->center), 1 / s->scale);
    } else {
        snprintf(out, size, "%s", words[s->map]);
    }
}

static void describe_number(char *out, size_t size, const bp_feature *f)
{
    char scale[80], missing[60] = "";
    describe_scale(scale, sizeof scale, &f->scale);
    if (f->indicator) {
        snprintf(missing, sizeof missing, "; where missing %.6g, with an indicator", f->filled);
    }
    snprintf(out, size, "%s%s", scale, missing);
}

static void describe_boolean(char *out, size_t size, const bp_feature *f)
{
    const char *extra = f->indicator ? ", indicator of missing values" : "";
    if (f->level.count == 2) {
        char no[52], yes[52];
        snprintf(out, size, "%s / %s%s", bp_text_shown(no, sizeof no, f->level.text[0], strlen(f->level.text[0])),
                 bp_text_shown(yes, sizeof yes, f->level.text[1], strlen(f->level.text[1])), extra);
    } else {
        snprintf(out, size, "two values%s", extra);
    }
}

static void describe_date(char *out, size_t size, const bp_feature *f)
{
    size_t used = 0;
    for (bp_date_part p = 0; p < BP_DATE_PARTS && used < size; p++) {
        if (f->part[p]) {
            used += (size_t)snprintf(out + used, size - used, "%s%s", used ? ", " : "", bp_date_part_name(p));
        }
    }
    if (f->indicator && used < size) {
        snprintf(out + used, size - used, "%sindicator of missing values", used ? ", " : "");
    }
}

static void describe_category(char *out, size_t size, const bp_feature *f)
{
    int used = snprintf(out, size, "%zu level%s", f->level.count, f->level.count == 1 ? "" : "s");
    size_t at = (size_t)used;
    if (f->other && f->pooled.count > 0) {
        at += (size_t)snprintf(out + at, size - at, ", %zu rare ones pooled", f->pooled.count);
    } else if (f->other) {
        at += (size_t)snprintf(out + at, size - at, ", the rest pooled");
    }
    if (f->missing) {
        snprintf(out + at, size - at, ", missing ones apart");
    }
}

typedef void (*describe_feature)(char *out, size_t size, const bp_feature *f);
static const describe_feature describes[] = {describe_number, describe_boolean, describe_date, describe_category};
_Static_assert(sizeof describes / sizeof *describes == BP_FEATURE_KINDS, "one function a kind");

bool bp_preparation_feature(const bp_preparation *p, size_t index, bp_feature_info *out)
{
    if (index >= p->features) {
        return false;
    }
    const bp_feature *f = &p->feature[index];
    *out = (bp_feature_info){
        .column = f->source.name, .kind = bp_feature_kind_name(f->kind), .first = f->first, .inputs = f->inputs};
    describes[f->kind](out->text, sizeof out->text, f);
    return true;
}

/* The name of an input of a date, `at` counted within the feature. */
static void name_date_input(char *out, size_t size, const bp_feature *f, size_t at)
{
    for (bp_date_part p = 0; p < BP_DATE_PARTS; p++) {
        size_t inputs = f->part[p] ? bp_date_part_inputs(p) : 0;
        if (at < inputs) {
            const char *wave = inputs < 2 ? "" : at == 0 ? " (sine)" : " (cosine)";
            snprintf(out, size, "%s %s%s", f->source.name, bp_date_part_name(p), wave);
            return;
        }
        at -= inputs;
    }
}

static void name_category_input(char *out, size_t size, const bp_feature *f, size_t at)
{
    const char *level = at < f->level.count                ? f->level.text[at]
                        : at == f->level.count && f->other ? "(other)"
                                                           : "(missing)";
    snprintf(out, size, "%s=%s", f->source.name, level);
}

const char *bp_preparation_input(const bp_preparation *p, size_t input, char *out, size_t size)
{
    size_t i = 0;
    while (i < p->features && input >= p->feature[i].first + p->feature[i].inputs) {
        i++;
    }
    if (size > 0) {
        out[0] = '\0';
    }
    if (i == p->features) {
        return out;
    }
    const bp_feature *f = &p->feature[i];
    size_t at = input - f->first;
    if (f->indicator && at + 1 == f->inputs) {
        snprintf(out, size, "%s=(missing)", f->source.name);
    } else if (f->kind == BP_FEATURE_CATEGORY) {
        name_category_input(out, size, f, at);
    } else if (f->kind == BP_FEATURE_DATE) {
        name_date_input(out, size, f, at);
    } else if (f->level.count == 2) {
        snprintf(out, size, "%s=%s", f->source.name, f->level.text[1]);
    } else {
        snprintf(out, size, "%s", f->source.name);
    }
    return out;
}
