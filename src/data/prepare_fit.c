/* prepare_fit.c - finding a preparation from the rows of a table: what each column is for, and what becomes of it. */
#include "data/prepare.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- What columns are for ---------------------------------------------------------------------------------------- */

typedef enum role { ROLE_FEATURE, ROLE_TARGET, ROLE_DROP, ROLE_ID, ROLE_WEIGHT, ROLES } role;
static const char *const role_names[] = {"feature", "target", "dropped", "id", "weight"};
_Static_assert(sizeof role_names / sizeof *role_names == ROLES, "one name a role");

typedef enum treatment { TREAT_AS_FOUND, TREAT_CATEGORICAL, TREAT_NUMERIC } treatment;

typedef struct fit {
    const bp_table *t;
    const bp_prepare_options *o;
    bp_preparation *p;
    const bp_preparation *like; /* NULL; or the inputs are those of this one, and p is a copy of it */
    bp_pool scratch;
    role *role;           /* one a column */
    treatment *treatment; /* one a column */
    size_t *feature, *target;
    size_t features, targets, weight;
    bp_sample rows;
} fit;

static bp_status find_column(size_t *out, const bp_table *t, const char *name, const char *what)
{
    *out = bp_table_find(t, name);
    return *out < bp_table_columns(t) ? BP_OK : bp_fail_context(BP_ERR_ARGUMENT, "%s: ", what);
}

static bp_status give_role(fit *f, const char *name, role r)
{
    size_t column;
    bp_status status = find_column(&column, f->t, name, role_names[r]);
    if (status != BP_OK) {
        return status;
    }
    if (f->role[column] != ROLE_FEATURE) {
        return bp_fail(BP_ERR_ARGUMENT, "column \"%s\" of %s is given as %s and as %s; it can be only one of them",
                       f->t->column[column].name, f->t->source, role_names[f->role[column]], role_names[r]);
    }
    f->role[column] = r;
    if (r == ROLE_TARGET) {
        f->target[f->targets++] = column;
    } else if (r == ROLE_WEIGHT) {
        f->weight = column;
    }
    return BP_OK;
}

static bp_status give_roles(fit *f, const bp_columns *list, role r)
{
    bp_status status = BP_OK;
    for (size_t i = 0; i < list->count && status == BP_OK; i++) {
        status = give_role(f, list->name[i], r);
    }
    return status;
}

static bp_status give_treatment(fit *f, const bp_columns *list, treatment how, const char *what)
{
    for (size_t i = 0; i < list->count; i++) {
        size_t column;
        bp_status status = find_column(&column, f->t, list->name[i], what);
        if (status != BP_OK) {
            return status;
        }
        if (f->treatment[column] != TREAT_AS_FOUND && f->treatment[column] != how) {
            return bp_fail(BP_ERR_ARGUMENT, "column \"%s\" of %s cannot be categorical and numeric",
                           f->t->column[column].name, f->t->source);
        }
        f->treatment[column] = how;
    }
    return BP_OK;
}

static bp_status assign_roles(fit *f)
{
    const bp_prepare_options *o = f->o;
    bp_status status = give_roles(f, &o->drop, ROLE_DROP);
    status = status == BP_OK ? give_roles(f, &o->id, ROLE_ID) : status;
    status = status == BP_OK && o->weight ? give_role(f, o->weight, ROLE_WEIGHT) : status;
    status = status == BP_OK ? give_roles(f, &o->target, ROLE_TARGET) : status;
    status = status == BP_OK ? give_treatment(f, &o->categorical, TREAT_CATEGORICAL, "categorical") : status;
    status = status == BP_OK ? give_treatment(f, &o->numeric, TREAT_NUMERIC, "numeric") : status;
    if (status != BP_OK) {
        return status;
    }
    if (o->target.count == 0) { /* the last column that is not used otherwise */
        size_t last = f->t->column_count;
        while (last > 0 && f->role[last - 1] != ROLE_FEATURE) {
            last--;
        }
        if (last == 0) {
            return bp_fail(BP_ERR_ARGUMENT, "%s has no column left that could be the target", f->t->source);
        }
        f->role[last - 1] = ROLE_TARGET;
        f->target[f->targets++] = last - 1;
    }
    for (size_t c = 0; c < f->t->column_count; c++) {
        if (f->role[c] == ROLE_FEATURE) {
            f->feature[f->features++] = c;
        }
    }
    return BP_OK;
}

/* ---- Notes and sources ------------------------------------------------------------------------------------------- */

static bp_status add_note(fit *f, size_t column, const char *text)
{
    bp_preparation *p = f->p;
    const char *name = bp_pool_copy(&p->pool, f->t->column[column].name), *copy = bp_pool_copy(&p->pool, text);
    p->note[p->notes++] = (bp_prepare_note){name, copy};
    return name && copy ? BP_OK : BP_ERR_MEMORY;
}

static bp_status set_source(bp_source *out, fit *f, size_t column)
{
    const bp_column *c = &f->t->column[column];
    *out = (bp_source){bp_pool_copy(&f->p->pool, c->name), column, c->kind, c->type, BP_DATE_ISO};
    while (c->date_format && strcmp(bp_date_format_name(out->format), c->date_format) != 0) {
        out->format++;
    }
    return out->name ? BP_OK : BP_ERR_MEMORY;
}

/* ---- Features ---------------------------------------------------------------------------------------------------- */

/* What became of a column: a feature, or a note why not. */
typedef struct verdict {
    bool use;
    const char *note;
} verdict;

/* Names like "id", "Id", "user_id", "PassengerId", "uuid", "index". */
static bool named_like_id(const char *name)
{
    static const char *const words[] = {"id", "uuid", "guid", "index", "key", "rownum", "unnamed: 0"};
    size_t bytes = strlen(name);
    char plain[64] = "";
    for (size_t i = 0; i < bytes && i + 1 < sizeof plain; i++) {
        plain[i] = (char)tolower((unsigned char)name[i]);
    }
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcmp(plain, words[i]) == 0) {
            return true;
        }
    }
    bool camel = bytes > 2 && islower((unsigned char)name[bytes - 3]) && strcmp(name + bytes - 2, "Id") == 0;
    return camel || (bytes > 3 && strcmp(plain + (bytes < 64 ? bytes - 3 : 60), "_id") == 0);
}

/* What all kinds of numbers share: nothing to be learnt from one value. */
static bool judge_values(verdict *v, const bp_distribution *d)
{
    *v = (verdict){true, NULL};
    if (d->count == 0) {
        *v = (verdict){false, "left out: it has no values"};
    } else if (d->count == 1 && d->missing == 0) {
        *v = (verdict){false, "left out: it has the same value in all rows"};
    }
    return v->use;
}

static bp_status fit_number(verdict *v, bp_feature *out, fit *f, size_t column)
{
    bp_cells c;
    bp_distribution d;
    bp_status status = bp_cells_numbers(&c, &f->scratch, &f->rows, column, NULL);
    status = status == BP_OK ? bp_cells_distribution(&d, &f->scratch, &c, &f->rows) : status;
    if (status != BP_OK || !judge_values(v, &d)) {
        return status;
    }
    if ((double)d.count == d.total && d.count > 10 && named_like_id(c.column->name) && bp_distribution_is_whole(&d)) {
        v->note = "hint: it numbers the rows, as identities do; such a column is better dropped or made the id";
    }
    out->indicator = d.missing > 0;
    out->filled = f->o->impute == BP_IMPUTE_MEAN ? bp_distribution_mean(&d) : bp_distribution_quantile(&d, 0.5);
    if (d.count == 2) {
        out->kind = BP_FEATURE_BOOLEAN;
        bp_scale_fit_boolean(&out->scale, d.item[0].value, d.item[1].value, d.item[1].weight / d.total);
        return BP_OK;
    }
    out->kind = BP_FEATURE_NUMBER;
    return bp_scale_fit(&out->scale, &f->p->pool, &d, f->o->numbers);
}

static bp_status fit_date(verdict *v, bp_feature *out, fit *f, size_t column)
{
    bp_cells c;
    bp_distribution d;
    bp_status status = bp_cells_numbers(&c, &f->scratch, &f->rows, column, NULL);
    status = status == BP_OK ? bp_cells_distribution(&d, &f->scratch, &c, &f->rows) : status;
    if (status != BP_OK || !judge_values(v, &d)) {
        return status;
    }
    out->kind = BP_FEATURE_DATE;
    out->indicator = d.missing > 0;
    out->filled = bp_distribution_quantile(&d, 0.5);
    return bp_date_fit(out, &f->p->pool, &d);
}

/* What is known of the texts of a column. */
typedef struct census {
    size_t levels;   /* that occur */
    double total;    /* weight of the rows that have one */
    double missing;  /* of those that have none */
    double bytes;    /* mean length of the levels */
    double blanks;   /* mean number of blanks in them */
    size_t first[2]; /* the first two in order of their texts */
} census;

static census count_texts(const bp_texts *level, const double *weight)
{
    census k = {.missing = weight[level->count]};
    for (size_t i = 0; i < level->count; i++) {
        if (!(weight[i] > 0)) {
            continue;
        }
        bool lower = k.levels > 0 && strcmp(level->text[i], level->text[k.first[0]]) < 0;
        k.first[1] = lower ? k.first[0] : i; /* right where there are two */
        k.first[0] = lower || k.levels == 0 ? i : k.first[0];
        k.levels++;
        k.total += weight[i];
        for (const char *at = level->text[i]; *at; at++) {
            k.bytes++;
            k.blanks += *at == ' ';
        }
    }
    k.bytes /= (double)k.levels;
    k.blanks /= (double)k.levels;
    return k;
}

/* Whether nearly every row has a text of its own. */
static bool nearly_distinct(const census *k)
{
    return k->levels >= 20 && 2 * (double)k->levels > k->total;
}

static bp_status refuse_free_text(fit *f, size_t column, const census *k)
{
    return bp_fail(
        BP_ERR_DATA,
        "column \"%s\" of %s is free text: %zu different texts of %.0f characters on average; drop the column, "
        "make it the id, or declare it categorical",
        f->t->column[column].name, f->t->source, k->levels, k->bytes);
}

static bp_status fit_boolean(bp_feature *out, fit *f, const bp_cells *c, const census *k, const double *weight)
{
    out->kind = BP_FEATURE_BOOLEAN;
    out->indicator = k->missing > 0;
    out->level.text = bp_pool_alloc(&f->p->pool, 2, sizeof *out->level.text);
    for (size_t i = 0; out->level.text && i < 2; i++) {
        out->level.text[i] = bp_pool_copy(&f->p->pool, c->level.text[k->first[i]]);
        out->level.count += out->level.text[i] != NULL;
    }
    bp_scale_fit_boolean(&out->scale, 0, 1, weight[k->first[1]] / k->total);
    return out->level.count == 2 ? BP_OK : BP_ERR_MEMORY;
}

/* What keeps a column of text from being one of numbers, behind the note that there is. */
static bp_status add_hint(verdict *v, fit *f, size_t column)
{
    const char *hint = NULL;
    bp_status status = bp_column_hint(&hint, &f->scratch, &f->t->column[column]);
    if (!hint || !v->note) {
        v->note = hint ? hint : v->note;
        return status;
    }
    size_t bytes = strlen(v->note) + strlen(hint) + 3;
    char *both = bp_pool_alloc(&f->scratch, bytes, 1);
    if (both) {
        snprintf(both, bytes, "%s; %s", v->note, hint);
    }
    v->note = both;
    return both ? BP_OK : BP_ERR_MEMORY;
}

static bp_status fit_text(verdict *v, bp_feature *out, fit *f, size_t column)
{
    bp_cells c;
    double *weight;
    bp_status status = bp_cells_texts(&c, &f->scratch, &f->rows, column, NULL);
    status = status == BP_OK ? bp_cells_weights(&weight, &f->scratch, &c, &f->rows) : status;
    if (status != BP_OK) {
        return status;
    }
    census k = count_texts(&c.level, weight);
    *v = (verdict){true, NULL};
    if (k.levels == 0) {
        *v = (verdict){false, "left out: it has no values"};
    } else if (k.levels == 1 && !(k.missing > 0)) {
        *v = (verdict){false, "left out: it has the same value in all rows"};
    } else if (f->treatment[column] != TREAT_CATEGORICAL && nearly_distinct(&k)) {
        if (k.bytes >= 25 || k.blanks >= 2) {
            return refuse_free_text(f, column, &k);
        }
        *v = (verdict){false, "left out: nearly every row has another text, as identities do"};
    }
    if (k.levels > 0 && f->treatment[column] != TREAT_CATEGORICAL) {
        status = add_hint(v, f, column);
    }
    if (status != BP_OK || !v->use) {
        return status;
    }
    if (k.levels == 2) {
        return fit_boolean(out, f, &c, &k, weight);
    }
    out->kind = BP_FEATURE_CATEGORY;
    return bp_category_fit(out, f->p, &c, weight, f->o);
}

typedef bp_status (*fit_kind)(verdict *v, bp_feature *out, fit *f, size_t column);
static const fit_kind fits[] = {fit_number, fit_text, fit_date};
_Static_assert(sizeof fits / sizeof *fits == BP_COLUMN_KINDS, "one function a kind of column");

static fit_kind fit_of(const fit *f, size_t column)
{
    if (f->treatment[column] == TREAT_CATEGORICAL) {
        return fit_text;
    }
    return f->treatment[column] == TREAT_NUMERIC ? fit_number : fits[f->t->column[column].kind];
}

/* Features whose inputs are numbers come first, each group in the order of the columns. */
static bp_status order_features(bp_preparation *p, bp_pool *scratch)
{
    size_t n = 0;
    bp_feature *work = bp_pool_alloc(scratch, p->features, sizeof *work);
    if (!work) {
        return BP_ERR_MEMORY;
    }
    for (int categories = 0; categories < 2; categories++) {
        for (size_t i = 0; i < p->features; i++) {
            if ((p->feature[i].kind == BP_FEATURE_CATEGORY) == categories) {
                work[n++] = p->feature[i];
            }
        }
    }
    memcpy(p->feature, work, n * sizeof *work);
    return BP_OK;
}

static bp_status fit_features(fit *f)
{
    bp_preparation *p = f->p;
    p->feature = bp_pool_alloc(&p->pool, f->features, sizeof *p->feature);
    p->note = bp_pool_alloc(&p->pool, f->features, sizeof *p->note);
    bp_status status = p->feature && p->note ? BP_OK : BP_ERR_MEMORY;
    for (size_t i = 0; i < f->features && status == BP_OK; i++) {
        size_t column = f->feature[i];
        bp_feature *out = &p->feature[p->features];
        verdict v = {false, NULL};
        *out = (bp_feature){.kind = BP_FEATURE_KINDS};
        status = set_source(&out->source, f, column);
        status = status == BP_OK ? fit_of(f, column)(&v, out, f, column) : status;
        if (status == BP_OK && v.note) {
            status = add_note(f, column, v.note);
        }
        p->features += v.use;
        bp_pool_free(&f->scratch);
    }
    if (status == BP_OK && p->features == 0) {
        const bp_prepare_note *first = p->notes > 0 ? p->note : NULL;
        return bp_fail(BP_ERR_DATA, "%s has no column to predict from: all are targets, dropped, or left out%s%s%s%s",
                       f->t->source, first ? "; the first of these, \"" : "", first ? first->column : "",
                       first ? "\": " : "", first ? first->text : "");
    }
    return status == BP_OK ? order_features(p, &f->scratch) : status;
}

/* ---- The whole --------------------------------------------------------------------------------------------------- */

static bp_status fit_targets(fit *f)
{
    bp_preparation *p = f->p;
    bp_prepare_options o = *f->o;
    p->target = bp_pool_alloc(&p->pool, f->targets, sizeof *p->target);
    bp_status status = p->target ? BP_OK : BP_ERR_MEMORY;
    for (size_t i = 0; i < f->targets && status == BP_OK; i++) {
        status = set_source(&p->target[p->targets++].source, f, f->target[i]);
    }
    treatment how = f->treatment[f->target[0]];
    if (o.task == BP_TABLE_AUTO && how != TREAT_AS_FOUND) {
        o.task = how == TREAT_NUMERIC ? BP_TABLE_REGRESS : f->targets == 1 ? BP_TABLE_CLASSIFY : BP_TABLE_MULTILABEL;
    }
    return status == BP_OK ? bp_targets_fit(p, &f->scratch, &f->rows, &o) : status;
}

static bp_status keep_roles(fit *f)
{
    bp_preparation *p = f->p;
    p->id = bp_pool_alloc(&p->pool, f->o->id.count, sizeof *p->id);
    bp_status status = p->id ? BP_OK : BP_ERR_MEMORY;
    for (size_t c = 0; c < f->t->column_count && status == BP_OK; c++) {
        if (f->role[c] == ROLE_ID) {
            status = set_source(&p->id[p->ids++], f, c);
        }
    }
    if (status == BP_OK && f->weight != SIZE_MAX) {
        p->weight = bp_pool_alloc(&p->pool, 1, sizeof *p->weight);
        status = p->weight ? set_source(p->weight, f, f->weight) : BP_ERR_MEMORY;
    }
    return status;
}

static bp_status select_rows(fit *f, bp_pool *pool, const uint32_t *row, size_t count)
{
    bp_roles roles = {f->feature, f->target, f->features, f->targets, f->weight, f->p->missing, false};
    bp_status status = bp_rows_select(&f->rows, pool, f->t, row, count, &roles);
    if (status == BP_OK && f->rows.count == 0) {
        return bp_fail(BP_ERR_DATA,
                       "none of the %zu rows of %s can be used: each lacks a value that is needed or has the weight 0",
                       count, f->t->source);
    }
    return status;
}

/* The features of f->like, whose columns in f->t become those that are looked at. */
static bp_status adopt_features(fit *f)
{
    bp_preparation *p = f->p;
    f->features = 0;
    bp_status status = bp_preparation_check_columns(f->like, f->t, false);
    for (size_t i = 0; i < p->features && status == BP_OK; i++) {
        bp_source *s = &p->feature[i].source;
        size_t column = bp_source_column(f->like, f->t, &f->like->feature[i].source, false);
        if (f->role[column] != ROLE_FEATURE) {
            return bp_fail(BP_ERR_ARGUMENT, "column \"%s\" of %s is an input of the model; it cannot be given as %s",
                           f->t->column[column].name, f->t->source, role_names[f->role[column]]);
        }
        s->position = column;
        s->name = bp_pool_copy(&p->pool, f->t->column[column].name);
        status = s->name ? BP_OK : BP_ERR_MEMORY;
        f->feature[f->features++] = column;
    }
    return status;
}

static bp_status run_fit(fit *f, bp_pool *pool, const uint32_t *row, size_t count)
{
    size_t columns = f->t->column_count;
    f->role = bp_pool_alloc(pool, columns, sizeof *f->role);
    f->treatment = bp_pool_alloc(pool, columns, sizeof *f->treatment);
    f->feature = bp_pool_alloc(pool, columns, sizeof *f->feature);
    f->target = bp_pool_alloc(pool, columns, sizeof *f->target);
    bp_status status = f->role && f->treatment && f->feature && f->target ? assign_roles(f) : BP_ERR_MEMORY;
    status = status == BP_OK && f->like ? adopt_features(f) : status;
    status = status == BP_OK ? select_rows(f, pool, row, count) : status;
    status = status == BP_OK ? fit_targets(f) : status;
    bp_pool_free(&f->scratch);
    status = status == BP_OK && !f->like ? fit_features(f) : status;
    status = status == BP_OK ? keep_roles(f) : status;
    status = status == BP_OK ? bp_preparation_layout(f->p) : status;
    return status == BP_OK ? bp_preparation_describe(f->p) : status;
}

static bp_status check_options(const bp_table *t, const uint32_t *row, size_t count, const bp_prepare_options *o)
{
    if (!t || !o) {
        return bp_fail(BP_ERR_ARGUMENT, "fitting a preparation: no table or no options");
    }
    if ((unsigned)o->task >= BP_TABLE_TASKS || (unsigned)o->missing >= BP_MISSING_RULES ||
        (unsigned)o->impute >= BP_IMPUTE_RULES || (unsigned)o->numbers >= BP_NUMBERS_RULES || o->max_levels == 0) {
        return bp_fail(BP_ERR_ARGUMENT, "fitting a preparation: an option has no valid value; begin with "
                                        "bp_prepare_defaults()");
    }
    for (size_t i = 0; row && i < count; i++) {
        if (row[i] >= t->rows) {
            return bp_fail(BP_ERR_ARGUMENT, "fitting a preparation: row %zu of %zu rows", (size_t)row[i], t->rows);
        }
    }
    return BP_OK;
}

/* like NULL: everything is found; else p is a copy of it without targets. p is freed where it fails. */
static bp_status fit_into(bp_preparation *p, const bp_preparation *like, const bp_table *t, const uint32_t *row,
                          size_t count, const bp_prepare_options *options)
{
    p->header = t->has_header;
    p->columns = t->column_count;
    bp_pool pool = {p->pool.allocator, NULL};
    fit f = {.t = t, .o = options, .p = p, .like = like, .scratch = pool, .weight = SIZE_MAX};
    bp_status status = run_fit(&f, &pool, row, row ? count : t->rows);
    bp_pool_free(&f.scratch);
    bp_pool_free(&pool);
    if (status != BP_OK) {
        bp_preparation_free(p);
    }
    return status;
}

bp_status bp_preparation_fit(bp_preparation **out, const bp_table *t, const uint32_t *row, size_t count,
                             const bp_prepare_options *options)
{
    *out = NULL;
    bp_status status = check_options(t, row, count, options);
    bp_preparation *p = NULL;
    status = status == BP_OK ? bp_preparation_new(&p, options->allocator) : status;
    if (status == BP_OK) {
        p->missing = options->missing;
        status = fit_into(p, NULL, t, row, count, options);
    }
    *out = status == BP_OK ? p : NULL;
    return status;
}

/* ---- Other targets ----------------------------------------------------------------------------------------------- */

/* Takes out what is found anew. */
static void forget_targets(bp_preparation *p)
{
    p->target = NULL;
    p->weight = NULL;
    p->class_weight = NULL;
    p->targets = p->ids = 0;
    p->numbers = p->categories = 0;
    memset(p->reading, 0, sizeof p->reading);
}

static bool same_texts(const bp_texts *a, const bp_texts *b)
{
    bool same = a->count == b->count;
    for (size_t i = 0; same && i < a->count; i++) {
        same = strcmp(a->text[i], b->text[i]) == 0;
    }
    return same;
}

/* Whether p, of t, has the targets of `from`: the same columns, for the same task, with the same classes. */
static bool same_targets(const bp_preparation *p, const bp_preparation *from, const bp_table *t)
{
    bool same = p->task == from->task && p->targets == from->targets;
    for (size_t i = 0; same && i < p->targets; i++) {
        const bp_target *a = &p->target[i], *b = &from->target[i];
        same = bp_source_column(from, t, &b->source, true) == a->source.position &&
               (p->task != BP_TABLE_CLASSIFY || same_texts(&a->level, &b->level));
    }
    return same;
}

bp_status bp_preparation_retarget(bp_preparation **out, bool *same, const bp_preparation *from, const bp_table *t,
                                  const uint32_t *row, size_t count, const bp_prepare_options *options)
{
    *out = NULL;
    bp_status status = check_options(t, row, count, options);
    bp_preparation *p = NULL;
    status = status == BP_OK ? bp_preparation_parse(&p, from->text, options->allocator) : status;
    if (status == BP_OK) {
        forget_targets(p);
        status = fit_into(p, from, t, row, count, options);
    }
    if (status != BP_OK) {
        return status;
    }
    *same = same_targets(p, from, t);
    for (size_t i = 0; *same && i < p->targets; i++) { /* the head belongs to this scaling */
        p->target[i].mean = from->target[i].mean;
        p->target[i].deviation = from->target[i].deviation;
    }
    status = bp_preparation_describe(p);
    if (status != BP_OK) {
        bp_preparation_free(p);
        return status;
    }
    *out = p;
    return BP_OK;
}
