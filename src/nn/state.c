/* state.c - what is in the state of a run, shown and restored; see state.h. */
#include "nn/state.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef enum entry_kind { ENTRY_ARRAY, ENTRY_COUNT, ENTRY_REAL, ENTRY_FLAG } entry_kind;

struct bp_state_entry {
    char name[32];
    entry_kind kind;
    bp_type type;
    size_t count;
    void *at;
    size_t most;  /* of a count */
    double value; /* of all but arrays: as it is shown */
};

bp_state_list bp_state_new(const bp_allocator *a)
{
    return (bp_state_list){.allocator = bp_allocator_or_default(a)};
}

void bp_state_free(bp_state_list *s)
{
    bp_release(&s->allocator, s->entry);
    bp_release(&s->allocator, s->view.part);
    *s = (bp_state_list){.allocator = s->allocator};
}

/* ---- the list ---- */

static bool grow(bp_state_list *s)
{
    enum { FIRST_ROOM = 64 };
    size_t room = s->room ? 2 * s->room : FIRST_ROOM;
    bp_state_entry *entry = bp_alloc(&s->allocator, room, sizeof *entry);
    if (entry && s->count) {
        memcpy(entry, s->entry, s->count * sizeof *entry);
    }
    if (entry) {
        bp_release(&s->allocator, s->entry);
        s->entry = entry;
        s->room = room;
    }
    return entry != NULL;
}

static void add(bp_state_list *s, const bp_state_entry *e, const char *name)
{
    if (s->status == BP_OK && s->count == s->room && !grow(s)) {
        s->status = BP_ERR_MEMORY;
    }
    if (s->status == BP_OK) {
        s->entry[s->count] = *e;
        snprintf(s->entry[s->count++].name, sizeof e->name, "%s", name);
    }
}

void bp_state_array(bp_state_list *s, const char *name, bp_type type, size_t count, void *at)
{
    add(s, &(bp_state_entry){.kind = ENTRY_ARRAY, .type = type, .count = count, .at = at}, name);
}

void bp_state_count(bp_state_list *s, const char *name, size_t *at, size_t most)
{
    add(s, &(bp_state_entry){.kind = ENTRY_COUNT, .type = BP_F64, .count = 1, .at = at, .most = most}, name);
}

void bp_state_real(bp_state_list *s, const char *name, double *at)
{
    add(s, &(bp_state_entry){.kind = ENTRY_REAL, .type = BP_F64, .count = 1, .at = at}, name);
}

void bp_state_flag(bp_state_list *s, const char *name, bool *at)
{
    add(s, &(bp_state_entry){.kind = ENTRY_FLAG, .type = BP_F64, .count = 1, .at = at}, name);
}

/* ---- showing ---- */

static double current(const bp_state_entry *e)
{
    return e->kind == ENTRY_COUNT  ? (double)*(const size_t *)e->at
           : e->kind == ENTRY_FLAG ? (double)*(const bool *)e->at
                                   : *(const double *)e->at;
}

static bp_status make_view(bp_state_list *s)
{
    bp_state_part *part = bp_alloc(&s->allocator, s->count, sizeof *part);
    for (size_t i = 0; part && i < s->count; i++) {
        bp_state_entry *e = &s->entry[i];
        part[i] = (bp_state_part){e->name, e->type, e->count, e->kind == ENTRY_ARRAY ? e->at : &e->value};
    }
    s->view = (bp_state){.count = s->count, .part = part};
    return part ? BP_OK : BP_ERR_MEMORY;
}

bp_status bp_state_show(bp_state_list *s)
{
    if (s->status == BP_OK && !s->view.part) {
        s->status = make_view(s);
    }
    for (size_t i = 0; s->status == BP_OK && i < s->count; i++) {
        if (s->entry[i].kind != ENTRY_ARRAY) {
            s->entry[i].value = current(&s->entry[i]);
        }
    }
    return s->status;
}

/* ---- restoring ---- */

const bp_state_part *bp_state_find(const bp_state *s, const char *name)
{
    for (size_t i = 0; i < s->count; i++) {
        if (strcmp(s->part[i].name, name) == 0) {
            return &s->part[i];
        }
    }
    return NULL;
}

static bp_status check_value(const bp_state_entry *e, double value)
{
    static const double exact = 9007199254740992; /* 2^53: from here on a double does not hold every whole number */
    bool good = e->kind == ENTRY_REAL || value == 0 || (e->kind == ENTRY_FLAG && value == 1);
    if (e->kind == ENTRY_COUNT) {
        good = value >= 0 && value <= exact && value == floor(value) && (size_t)value <= e->most;
    }
    return good ? BP_OK
                : bp_fail(BP_ERR_DATA, "restoring a run: \"%s\" is %g in the saved state; expected %s, at most %zu",
                          e->name, value, "a count", e->kind == ENTRY_FLAG ? 1 : e->most);
}

static bp_status check_part(const bp_state_entry *e, const bp_state *from)
{
    const bp_state_part *p = bp_state_find(from, e->name);
    if (!p) {
        return bp_fail(BP_ERR_DATA,
                       "restoring a run: the saved state has no \"%s\"; it is that of another network or optimizer",
                       e->name);
    }
    if (p->type != e->type || p->count != e->count) {
        return bp_fail(BP_ERR_DATA,
                       "restoring a run: \"%s\" has %zu numbers of type %s in the saved state, expected %zu of type "
                       "%s; it is that of another network or optimizer",
                       e->name, p->count, bp_type_name(p->type), e->count, bp_type_name(e->type));
    }
    return e->kind == ENTRY_ARRAY ? BP_OK : check_value(e, *(const double *)p->data);
}

static void restore_part(const bp_state_entry *e, const bp_state_part *p)
{
    double value = e->kind == ENTRY_ARRAY ? 0 : *(const double *)p->data;
    switch (e->kind) {
    case ENTRY_ARRAY:
        memcpy(e->at, p->data, e->count * bp_type_size(e->type));
        break;
    case ENTRY_COUNT:
        *(size_t *)e->at = (size_t)value;
        break;
    case ENTRY_REAL:
        *(double *)e->at = value;
        break;
    case ENTRY_FLAG:
        *(bool *)e->at = value != 0;
        break;
    }
}

bp_status bp_state_restore(bp_state_list *s, const bp_state *from)
{
    bp_status status = s->status;
    for (size_t i = 0; status == BP_OK && i < s->count; i++) {
        status = check_part(&s->entry[i], from);
    }
    if (status == BP_OK && from->count != s->count) {
        status = bp_fail(BP_ERR_DATA,
                         "restoring a run: the saved state has %zu parts, expected %zu; it is that of another "
                         "optimizer or of other options",
                         from->count, s->count);
    }
    for (size_t i = 0; status == BP_OK && i < s->count; i++) {
        restore_part(&s->entry[i], bp_state_find(from, s->entry[i].name));
    }
    return status;
}
