/* prepare_target.c - what a network is to answer: the task, the classes, the scaling of numbers, the weights of classes. */
#include "data/prepare.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Texts that mean the same ------------------------------------------------------------------------------------ */

/* text without blanks at its ends and without one final full stop, in small letters (ASCII). out: strlen(text) + 1 bytes */
static void normalise(char *out, const char *text)
{
    size_t bytes = strlen(text), begin = 0;
    while (begin < bytes && isspace((unsigned char)text[begin])) {
        begin++;
    }
    while (bytes > begin && isspace((unsigned char)text[bytes - 1])) {
        bytes--;
    }
    bytes -= bytes > begin + 1 && text[bytes - 1] == '.';
    for (size_t i = begin; i < bytes; i++) {
        char c = text[i];
        *out++ = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    *out = '\0';
}

static bool same_number(const char *a, const char *b)
{
    double x, y;
    return bp_parse_double(&x, a) && bp_parse_double(&y, b) && x == y;
}

/* Whether two normalised texts mean the same. */
static bool alike_texts(const char *a, const char *b)
{
    return strcmp(a, b) == 0 || same_number(a, b);
}

/* The only class that is like the text; classes->count if there is none or more than one. plain: the normalised classes */
static size_t alike_class(char **plain, size_t count, const char *text)
{
    size_t found = count;
    for (size_t c = 0; c < count; c++) {
        if (alike_texts(plain[c], text)) {
            if (found < count) {
                return count;
            }
            found = c;
        }
    }
    return found;
}

static char *normalised(bp_pool *pool, const char *text)
{
    char *out = bp_pool_alloc(pool, strlen(text) + 1, 1);
    if (out) {
        normalise(out, text);
    }
    return out;
}

bp_status bp_target_match(uint32_t **match, bool **alike, bp_pool *scratch, const bp_texts *classes,
                          const bp_texts *found)
{
    char **plain = bp_pool_alloc(scratch, classes->count, sizeof *plain);
    *match = bp_pool_alloc(scratch, found->count, sizeof **match);
    *alike = bp_pool_alloc(scratch, found->count, sizeof **alike);
    if (!plain || !*match || !*alike) {
        return BP_ERR_MEMORY;
    }
    for (size_t c = 0; c < classes->count; c++) {
        plain[c] = normalised(scratch, classes->text[c]);
        if (!plain[c]) {
            return BP_ERR_MEMORY;
        }
    }
    for (size_t i = 0; i < found->count; i++) {
        size_t c = 0;
        while (c < classes->count && strcmp(classes->text[c], found->text[i]) != 0) {
            c++;
        }
        if (c == classes->count) {
            char *text = normalised(scratch, found->text[i]);
            if (!text) {
                return BP_ERR_MEMORY;
            }
            c = alike_class(plain, classes->count, text);
            (*alike)[i] = c < classes->count && !same_number(classes->text[c], found->text[i]);
        }
        (*match)[i] = (uint32_t)c;
    }
    return BP_OK;
}

/* ---- Levels ------------------------------------------------------------------------------------------------------ */

typedef struct named {
    const char *text;
    double number, weight;
} named;

static int by_number(const void *a, const void *b)
{
    const named *x = a, *y = b;
    return x->number != y->number ? (x->number < y->number ? -1 : 1) : strcmp(x->text, y->text);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(((const named *)a)->text, ((const named *)b)->text);
}

/* The levels of a target that occur, with their weights: in numeric order where all are numbers. */
typedef struct levels {
    named *item; /* NULL: so many numbers that they are no classes */
    size_t count;
    bool numeric;
} levels;

enum { MANY = 1000 }; /* distinct numbers that need no texts, unless they have to be classes */

static bp_status list_levels(levels *out, bp_pool *scratch, const bp_sample *s, const bp_source *source,
                             bp_table_task wanted)
{
    bp_cells c;
    bp_distribution d;
    double *weight;
    bp_status status = BP_OK;
    if (source->read == BP_COLUMN_NUMBER && wanted != BP_TABLE_CLASSIFY) {
        status = bp_cells_numbers(&c, scratch, s, source->position, NULL);
        status = status == BP_OK ? bp_cells_distribution(&d, scratch, &c, s) : status;
        if (status != BP_OK || d.count > MANY) {
            *out = (levels){NULL, status == BP_OK ? d.count : 0, true};
            return status;
        }
    }
    status = bp_cells_texts(&c, scratch, s, source->position, NULL);
    if (status == BP_OK) {
        status = bp_cells_weights(&weight, scratch, &c, s);
    }
    if (status != BP_OK) {
        return status;
    }
    *out = (levels){bp_pool_alloc(scratch, c.level.count, sizeof *out->item), 0, true};
    if (!out->item) {
        return BP_ERR_MEMORY;
    }
    for (size_t i = 0; i < c.level.count; i++) {
        if (weight[i] > 0) {
            named n = {c.level.text[i], 0, weight[i]};
            out->numeric = bp_parse_double(&n.number, n.text) && out->numeric;
            out->item[out->count++] = n;
        }
    }
    qsort(out->item, out->count, sizeof *out->item, out->numeric ? by_number : by_text);
    return BP_OK;
}

/* Words for no and yes, the first pair being how they are written where they are numbers. */
static const char *const yes_no[][2] = {{"0", "1"}, {"no", "yes"}, {"false", "true"}, {"n", "y"},
                                        {"f", "t"}, {"-1", "1"},   {"off", "on"},     {"absent", "present"}};
enum { PAIRS = sizeof yes_no / sizeof *yes_no };

/* Whether all levels are words of one pair, which is then *pair. */
static bool is_yes_no(const levels *l, size_t *pair)
{
    for (*pair = 0; *pair < PAIRS && l->count <= 2; ++*pair) {
        size_t fitting = 0;
        for (size_t i = 0; i < l->count; i++) {
            char plain[16] = "";
            if (strlen(l->item[i].text) < sizeof plain) {
                normalise(plain, l->item[i].text);
            }
            fitting += alike_texts(plain, yes_no[*pair][0]) || alike_texts(plain, yes_no[*pair][1]);
        }
        if (fitting == l->count) {
            return true;
        }
    }
    return false;
}

/* ---- The task ---------------------------------------------------------------------------------------------------- */

/* Whether numbers look like classes: two values, or at most 20 whole ones with, on average, 10 rows each. */
static bool looks_like_classes(const levels *l)
{
    double total = 0;
    bool whole = l->numeric && l->item;
    for (size_t i = 0; l->item && i < l->count; i++) {
        total += l->item[i].weight;
        whole = whole && floor(l->item[i].number) == l->item[i].number;
    }
    return l->count <= 2 || !l->numeric || (whole && l->count <= 20 && total >= 10 * (double)l->count);
}

static bp_table_task choose_task(bp_table_task wanted, const bp_preparation *p, const levels *list)
{
    size_t answers = 0, pair;
    if (wanted != BP_TABLE_AUTO) {
        return wanted;
    }
    if (p->targets == 1) {
        return looks_like_classes(&list[0]) ? BP_TABLE_CLASSIFY : BP_TABLE_REGRESS;
    }
    for (size_t i = 0; i < p->targets; i++) {
        answers += is_yes_no(&list[i], &pair);
    }
    return answers == p->targets ? BP_TABLE_MULTILABEL : BP_TABLE_REGRESS;
}

/* ---- One target of each task ------------------------------------------------------------------------------------- */

/* Texts for an error message. */
static const char *list_texts(char *out, size_t size, const bp_texts *t)
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < t->count && used + 8 < size; i++) {
        int n = snprintf(out + used, size - used, "%s%s", i ? ", " : "", t->text[i]);
        used += n > 0 ? (size_t)n : 0;
    }
    if (used + 8 >= size) {
        snprintf(out + size - 4, 4, "...");
    }
    return out;
}

static bp_status fit_classes(bp_target *t, bp_preparation *p, bp_pool *scratch, const bp_sample *s, const levels *l)
{
    if (l->count < 2) {
        return bp_fail(BP_ERR_DATA,
                       "target \"%s\" of %s has the same value \"%s\" in all rows: there is nothing to learn",
                       t->source.name, s->table->source, l->item[0].text);
    }
    if (l->count > 20 && l->count > s->count / 2) {
        const char *hint = NULL;
        if (bp_column_hint(&hint, scratch, &s->table->column[t->source.position]) != BP_OK) {
            return BP_ERR_MEMORY;
        }
        return bp_fail(BP_ERR_DATA,
                       "target \"%s\" of %s has %zu distinct values in %zu rows: these are no classes; is it the right "
                       "column, and the right task?%s%s",
                       t->source.name, s->table->source, l->count, s->count, hint ? " " : "", hint ? hint : "");
    }
    t->level.text = bp_pool_alloc(&p->pool, l->count, sizeof *t->level.text);
    for (size_t i = 0; t->level.text && i < l->count; i++) {
        t->level.text[i] = bp_pool_copy(&p->pool, l->item[i].text);
        if (!t->level.text[i]) {
            return BP_ERR_MEMORY;
        }
    }
    t->level.count = l->count;
    return t->level.text ? BP_OK : BP_ERR_MEMORY;
}

static bp_status fit_number(bp_target *t, bp_preparation *p, bp_pool *scratch, const bp_sample *s, const levels *l)
{
    (void)p;
    (void)l;
    bp_cells c;
    bp_distribution d;
    bp_status status = bp_cells_numbers(&c, scratch, s, t->source.position, NULL);
    if (status == BP_OK) {
        status = bp_cells_distribution(&d, scratch, &c, s);
    }
    if (status != BP_OK) {
        return status;
    }
    t->mean = bp_distribution_mean(&d);
    t->deviation = bp_distribution_deviation(&d, t->mean);
    if (!isfinite(t->mean) || !isfinite(t->deviation)) {
        return bp_fail(BP_ERR_DATA, "target \"%s\" of %s has numbers too large to be learnt: from %g to %g",
                       t->source.name, s->table->source, d.item[0].value, d.item[d.count - 1].value);
    }
    if (d.count < 2 || !(t->deviation > 0)) {
        return bp_fail(BP_ERR_DATA, "target \"%s\" of %s is %g in all rows: there is nothing to learn", t->source.name,
                       s->table->source, t->mean);
    }
    return BP_OK;
}

static bp_status fail_label(const bp_target *t, bp_pool *scratch, const bp_sample *s, const levels *l)
{
    char list[120] = "";
    bp_texts found = {bp_pool_alloc(scratch, l->count, sizeof *found.text), 0};
    for (size_t i = 0; found.text && l->item && i < l->count; i++) {
        found.text[found.count++] = l->item[i].text;
    }
    return bp_fail(
        BP_ERR_DATA,
        "target \"%s\" of %s is no yes/no column: it has %zu values (%s); expected 0 and 1, no and yes, or false "
        "and true",
        t->source.name, s->table->source, l->count, list_texts(list, sizeof list, &found));
}

static bp_status fit_label(bp_target *t, bp_preparation *p, bp_pool *scratch, const bp_sample *s, const levels *l)
{
    size_t pair;
    if (!is_yes_no(l, &pair)) {
        return fail_label(t, scratch, s, l);
    }
    t->level.text = bp_pool_alloc(&p->pool, 2, sizeof *t->level.text);
    if (!t->level.text) {
        return BP_ERR_MEMORY;
    }
    t->level.count = 2;
    t->level.text[0] = bp_pool_copy(&p->pool, yes_no[pair][0]);
    t->level.text[1] = bp_pool_copy(&p->pool, yes_no[pair][1]);
    return t->level.text[0] && t->level.text[1] ? BP_OK : BP_ERR_MEMORY;
}

typedef bp_status (*fit_target)(bp_target *t, bp_preparation *p, bp_pool *scratch, const bp_sample *s, const levels *l);
static const fit_target fits[] = {NULL, fit_classes, fit_number, fit_label};
_Static_assert(sizeof fits / sizeof *fits == BP_TABLE_TASKS, "one function a task");

/* ---- Weights of classes ------------------------------------------------------------------------------------------ */

/* total / (k n_c): all classes together count the same. */
static void balance(double *weight, const levels *l)
{
    double total = 0;
    for (size_t i = 0; i < l->count; i++) {
        total += l->item[i].weight;
    }
    for (size_t i = 0; i < l->count; i++) {
        weight[i] = total / ((double)l->count * l->item[i].weight);
    }
}

/* Cuts the next "name=weight" from *text; the name may stand in quotes. false: it is no such thing. */
static bool next_weight(char **name, double *weight, char **text)
{
    char *at = *text, *end;
    at += strspn(at, " ");
    if (*at == '"') {
        *name = ++at;
        end = strchr(at, '"');
        if (!end) {
            return false;
        }
        at = end + 1;
    } else {
        *name = at;
        end = at += strcspn(at, "=,");
    }
    if (*at != '=') {
        return false;
    }
    *end = '\0';
    char *number = at + 1 + strspn(at + 1, " ");
    char *comma = number + strcspn(number, ",");
    *text = *comma ? comma + 1 : comma;
    *comma = '\0';
    return bp_parse_double(weight, number) && *weight >= 0;
}

static bp_status read_class_weights(double *weight, bp_pool *scratch, const bp_texts *classes, const char *given)
{
    char *text = bp_pool_copy(scratch, given);
    bool *seen = bp_pool_alloc(scratch, classes->count, sizeof *seen);
    if (!text || !seen) {
        return BP_ERR_MEMORY;
    }
    while (*text) {
        char *name;
        double value;
        if (!next_weight(&name, &value, &text)) {
            return bp_fail(
                BP_ERR_ARGUMENT,
                "class weights \"%s\": expected \"balanced\" or class=weight, separated by commas, each weight "
                "a number that is not negative",
                given);
        }
        uint32_t *match;
        bool *alike;
        bp_status status = bp_target_match(&match, &alike, scratch, classes, &(bp_texts){(const char *[]){name}, 1});
        if (status != BP_OK) {
            return status;
        }
        if (match[0] >= classes->count || seen[match[0]]) {
            char list[256];
            return bp_fail(BP_ERR_ARGUMENT, "class weights \"%s\": %s \"%s\" (classes: %s)", given,
                           match[0] < classes->count ? "twice the class" : "no class", name,
                           list_texts(list, sizeof list, classes));
        }
        seen[match[0]] = true;
        weight[match[0]] = value;
    }
    return BP_OK;
}

static bp_status fit_class_weights(bp_preparation *p, bp_pool *scratch, const levels *l, const bp_prepare_options *o)
{
    if (!o->class_weight) {
        return BP_OK;
    }
    if (p->task != BP_TABLE_CLASSIFY) {
        return bp_fail(BP_ERR_ARGUMENT, "class weights are for classes, but the task is %s",
                       bp_table_task_name(p->task));
    }
    const bp_texts *classes = &p->target[0].level;
    p->class_weight = bp_pool_alloc(&p->pool, classes->count, sizeof *p->class_weight);
    if (!p->class_weight) {
        return BP_ERR_MEMORY;
    }
    if (strcmp(o->class_weight, "balanced") == 0) {
        balance(p->class_weight, l);
        return BP_OK;
    }
    double sum = 0;
    for (size_t i = 0; i < classes->count; i++) {
        p->class_weight[i] = 1;
    }
    bp_status status = read_class_weights(p->class_weight, scratch, classes, o->class_weight);
    for (size_t i = 0; i < classes->count; i++) {
        sum += p->class_weight[i];
    }
    if (status == BP_OK && !(sum > 0)) {
        return bp_fail(BP_ERR_ARGUMENT, "class weights \"%s\": all are 0", o->class_weight);
    }
    return status;
}

bp_status bp_targets_fit(bp_preparation *p, bp_pool *scratch, const bp_sample *s, const bp_prepare_options *o)
{
    levels *list = bp_pool_alloc(scratch, p->targets, sizeof *list);
    bp_status status = list ? BP_OK : BP_ERR_MEMORY;
    for (size_t i = 0; i < p->targets && status == BP_OK; i++) {
        status = list_levels(&list[i], scratch, s, &p->target[i].source, o->task);
    }
    if (status != BP_OK) {
        return status;
    }
    p->task = choose_task(o->task, p, list);
    if (p->task == BP_TABLE_CLASSIFY && p->targets > 1) {
        return bp_fail(BP_ERR_ARGUMENT,
                       "task classify has one target, but there are %zu; several yes/no targets are task multilabel",
                       p->targets);
    }
    for (size_t i = 0; i < p->targets && status == BP_OK; i++) {
        status = fits[p->task](&p->target[i], p, scratch, s, &list[i]);
    }
    return status == BP_OK ? fit_class_weights(p, scratch, &list[0], o) : status;
}
