/* prepare_reading.c - other tables of the same columns: how their files must be read, and which column is which, by name or
 * by number. */
#include "data/prepare.h"

#include <stdio.h>
#include <string.h>

/* ---- Columns of another table ------------------------------------------------------------------------------------ */

/* How many of the columns that a table without targets, or without targets and weight, lacks stand before `position`. */
static size_t lacking_before(const bp_preparation *p, size_t position, bool weight)
{
    size_t n = weight && p->weight && p->weight->position < position;
    for (size_t i = 0; i < p->targets; i++) {
        n += p->target[i].source.position < position;
    }
    return n;
}

/* Without names on both sides the position counts; a table that has all columns but the targets, or all but targets and
 * weight, has the others in the same order. */
size_t bp_source_column(const bp_preparation *p, const bp_table *t, const bp_source *s, bool with_target)
{
    size_t without = p->columns - p->targets;
    if (p->header && t->has_header) {
        size_t i = 0;
        while (i < t->column_count && strcmp(t->column[i].name, s->name) != 0) {
            i++;
        }
        return i;
    }
    if (t->column_count == p->columns) {
        return s->position;
    }
    if (!with_target && t->column_count == without) {
        return s->position - lacking_before(p, s->position, false);
    }
    if (!with_target && p->weight && t->column_count == without - 1) {
        return s->position - lacking_before(p, s->position, true);
    }
    return t->column_count;
}

/* Names of what was not found, for one error that has them all. */
typedef struct absent {
    char list[400];
    size_t used, count;
} absent;

static void note_absent(absent *gone, const bp_preparation *p, const bp_table *t, const bp_source *s, bool with_target)
{
    if (bp_source_column(p, t, s, with_target) < t->column_count) {
        return;
    }
    int n =
        snprintf(gone->list + gone->used, sizeof gone->list - gone->used, "%s\"%s\"", gone->count ? ", " : "", s->name);
    gone->used += n > 0 ? (size_t)n : 0;
    gone->used = gone->used < sizeof gone->list ? gone->used : sizeof gone->list - 1;
    gone->count++;
}

static bp_status fail_absent(const bp_preparation *p, const bp_table *t, const absent *gone, bool with_target)
{
    if (p->header && t->has_header) {
        return bp_fail(BP_ERR_DATA, "%s lacks %zu column%s that the model needs: %s", t->source, gone->count,
                       gone->count == 1 ? "" : "s", gone->list);
    }
    return bp_fail(
        BP_ERR_DATA,
        "%s has %zu column%s, but the model was fitted to a table of %zu; without names of columns in both they "
        "are told by their position%s",
        t->source, t->column_count, t->column_count == 1 ? "" : "s", p->columns,
        with_target ? "" : ", and only the targets may be left out");
}

bp_status bp_preparation_check_columns(const bp_preparation *p, const bp_table *t, bool with_target)
{
    absent gone = {.count = 0};
    for (size_t i = 0; i < p->features; i++) {
        note_absent(&gone, p, t, &p->feature[i].source, with_target);
    }
    for (size_t i = 0; i < p->targets && with_target; i++) {
        note_absent(&gone, p, t, &p->target[i].source, true);
    }
    if (p->weight && with_target) {
        note_absent(&gone, p, t, p->weight, true);
    }
    return gone.count == 0 ? BP_OK : fail_absent(p, t, &gone, with_target);
}

/* ---- Options ----------------------------------------------------------------------------------------------------- */

static const char *column_text(bp_preparation *p, const bp_source *s, bp_reading_by by)
{
    char number[24];
    if (by == BP_READING_NAMES && p->header) {
        return s->name;
    }
    bool lacks = by == BP_READING_NO_TARGETS || by == BP_READING_NO_WEIGHT;
    size_t before = lacks ? lacking_before(p, s->position, by == BP_READING_NO_WEIGHT) : 0;
    snprintf(number, sizeof number, "%zu", s->position - before + 1);
    return bp_pool_copy(&p->pool, number);
}

static bp_status add_column(bp_preparation *p, bp_reading_by by, const bp_source *s, bp_column_kind as)
{
    bp_reading *r = &p->reading[by];
    bp_reading_list *lists[] = {&r->number, &r->text, &r->date};
    _Static_assert(sizeof lists / sizeof *lists == BP_COLUMN_KINDS, "one list a kind");
    const char *name = column_text(p, s, by);
    lists[as]->name[lists[as]->all++] = name;
    if (as == BP_COLUMN_DATE) {
        r->date_format[r->date.all - 1] = bp_date_format_name(s->format);
    } else if (as == BP_COLUMN_NUMBER && s->type == BP_F64) {
        r->wide.name[r->wide.all++] = name;
    }
    return name ? BP_OK : BP_ERR_MEMORY;
}

static bool make_list(bp_reading_list *l, bp_preparation *p, size_t most)
{
    l->name = bp_pool_alloc(&p->pool, most, sizeof *l->name);
    return l->name != NULL;
}

static bp_status list_columns(bp_preparation *p, bp_reading_by by)
{
    bp_reading *r = &p->reading[by];
    size_t most = p->features + p->targets + 1;
    r->date_format = bp_pool_alloc(&p->pool, most, sizeof *r->date_format);
    bool made = make_list(&r->text, p, most) && make_list(&r->number, p, most) && make_list(&r->wide, p, most) &&
                make_list(&r->date, p, most);
    bp_status status = made && r->date_format ? BP_OK : BP_ERR_MEMORY;
    for (size_t i = 0; i < p->features && status == BP_OK; i++) {
        status = add_column(p, by, &p->feature[i].source, p->feature[i].source.read);
    }
    r->text.features = r->text.all;
    r->number.features = r->number.all;
    r->wide.features = r->wide.all;
    r->date.features = r->date.all;
    for (size_t i = 0; i < p->targets && status == BP_OK; i++) {
        /* Classes as texts: a final full stop must not be an error. */
        bp_column_kind as = p->task == BP_TABLE_REGRESS ? BP_COLUMN_NUMBER : BP_COLUMN_TEXT;
        status = add_column(p, by, &p->target[i].source, as);
    }
    return p->weight && status == BP_OK ? add_column(p, by, p->weight, BP_COLUMN_NUMBER) : status;
}

bp_status bp_preparation_list_reading(bp_preparation *p)
{
    bp_status status = BP_OK;
    for (bp_reading_by by = 0; by < BP_READINGS && status == BP_OK; by++) {
        status = list_columns(p, by);
    }
    return status;
}

static size_t list_count(const bp_reading_list *l, bool with_target)
{
    return with_target ? l->all : l->features;
}

static void set_lists(bp_table_options *o, const bp_reading *r, bool with_target)
{
    o->text = r->text.name;
    o->text_count = list_count(&r->text, with_target);
    o->number = r->number.name;
    o->number_count = list_count(&r->number, with_target);
    o->wide = r->wide.name;
    o->wide_count = list_count(&r->wide, with_target);
    o->date = r->date.name;
    o->date_count = list_count(&r->date, with_target);
    o->date_format = r->date_format;
}

/* Which columns a table has that is known by their number. */
static bp_reading_by by_number(const bp_preparation *p, size_t columns, bool with_target)
{
    size_t without = p->columns - p->targets;
    if (!with_target && columns == without) {
        return BP_READING_NO_TARGETS;
    }
    return !with_target && p->weight && columns + 1 == without ? BP_READING_NO_WEIGHT : BP_READING_ALL;
}

static bp_status choose_lists(const bp_preparation *p, const bp_table *columns, bp_table_options *o, bool with_target)
{
    bp_status status = bp_preparation_check_columns(p, columns, with_target);
    bool names = p->header && columns->has_header;
    set_lists(o, &p->reading[names ? BP_READING_NAMES : by_number(p, columns->column_count, with_target)], with_target);
    return status;
}

static bp_status choose_features(const void *p, const bp_table *columns, bp_table_options *o)
{
    return choose_lists(p, columns, o, false);
}

static bp_status choose_all(const void *p, const bp_table *columns, bp_table_options *o)
{
    return choose_lists(p, columns, o, true);
}

bp_table_options bp_preparation_reading(const bp_preparation *p, bool with_target)
{
    bp_table_options o = bp_table_defaults();
    set_lists(&o, &p->reading[BP_READING_NAMES], with_target);
    o.on_columns = with_target ? choose_all : choose_features;
    o.ctx = p;
    return o;
}

bp_table_options bp_preparation_reading_unnamed(const bp_preparation *p, size_t columns, bool with_target)
{
    bp_table_options o = bp_table_defaults();
    set_lists(&o, &p->reading[by_number(p, columns, with_target)], with_target);
    return o;
}
