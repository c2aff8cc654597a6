/* model_extras.c - what travels with a model beside its network: scaling of inputs and outputs, the text of the preparation,
 * class names, notes. */
#include "nn/model.h"

#include <math.h>
#include <string.h>

/* ---- scaling ---- */

static void free_scaling(const bp_model *m, bp_scaling *s)
{
    bp_release(&m->allocator, s->mean);
    bp_release(&m->allocator, s->scale);
    *s = (bp_scaling){0};
}

/* what: "input scaling", for the text. The old scaling stays where the new one fails. */
static bp_status set_scaling(bp_model *m, bp_scaling *to, const char *what, size_t count, const double *mean,
                             const double *scale)
{
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(mean[i]) || !isfinite(scale[i])) {
            return bp_fail(BP_ERR_ARGUMENT, "%s %zu is (%g, %g); expected finite numbers", what, i, mean[i], scale[i]);
        }
    }
    bp_scaling copy = {count, bp_alloc(&m->allocator, count, sizeof *mean),
                       bp_alloc(&m->allocator, count, sizeof *scale)};
    if (!copy.mean || !copy.scale) {
        free_scaling(m, &copy);
        return BP_ERR_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        copy.mean[i] = mean[i];
        copy.scale[i] = scale[i];
    }
    free_scaling(m, to);
    *to = copy;
    return BP_OK;
}

static bp_status copy_scaling(bp_model *m, bp_scaling *to, const bp_scaling *from)
{
    return set_scaling(m, to, "scaling", from->count, from->mean, from->scale);
}

static size_t get_scaling(const bp_scaling *s, const double **mean, const double **scale)
{
    *mean = s->mean;
    *scale = s->scale;
    return s->count;
}

bp_status bp_model_set_scaling(bp_model *m, size_t count, const double *mean, const double *scale)
{
    if (count != 0 && count != 1 && count != m->options.inputs) {
        return bp_fail(BP_ERR_ARGUMENT, "input scaling has %zu values; expected 0, 1 or %zu, one an input", count,
                       m->options.inputs);
    }
    return set_scaling(m, &m->scaling, "input scaling", count, mean, scale);
}

size_t bp_model_scaling(const bp_model *m, const double **mean, const double **scale)
{
    return get_scaling(&m->scaling, mean, scale);
}

bp_status bp_model_set_output_scaling(bp_model *m, size_t count, const double *mean, const double *scale)
{
    if (count != 0 && (m->options.task != BP_REGRESS || m->loss == BP_BCE)) {
        return bp_fail(BP_ERR_ARGUMENT, "output scaling is for numbers, but this model answers with %s",
                       m->options.task == BP_REGRESS ? "probabilities (loss bce)" : "classes");
    }
    if (count != 0 && count != m->options.outputs) {
        return bp_fail(BP_ERR_ARGUMENT, "output scaling has %zu values; expected 0 or %zu, one an output", count,
                       m->options.outputs);
    }
    for (size_t i = 0; i < count; i++) {
        if (scale[i] == 0) {
            return bp_fail(BP_ERR_ARGUMENT, "output scaling %zu has scale 0; then every answer would be %g", i,
                           mean[i]);
        }
    }
    return set_scaling(m, &m->output_scaling, "output scaling", count, mean, scale);
}

size_t bp_model_output_scaling(const bp_model *m, const double **mean, const double **scale)
{
    return get_scaling(&m->output_scaling, mean, scale);
}

/* ---- preparation ---- */

bp_status bp_model_set_preparation_text(bp_model *m, const char *text)
{
    char *copy = text ? bp_strdup(&m->allocator, text) : NULL;
    if (text && !copy) {
        return BP_ERR_MEMORY;
    }
    bp_release(&m->allocator, m->preparation);
    m->preparation = copy;
    return BP_OK;
}

const char *bp_model_preparation_text(const bp_model *m)
{
    return m->preparation;
}

/* ---- class names ---- */

static void free_names(const bp_model *m, char **names)
{
    for (size_t i = 0; names && i < m->options.outputs; i++) {
        bp_release(&m->allocator, names[i]);
    }
    bp_release(&m->allocator, names);
}

bp_status bp_model_set_classes(bp_model *m, const char *const *names)
{
    if (m->options.task != BP_CLASSIFY) {
        return bp_fail(BP_ERR_ARGUMENT, "class names for a model whose targets are numbers");
    }
    char **copy = bp_alloc(&m->allocator, m->options.outputs, sizeof *copy);
    for (size_t i = 0; copy && i < m->options.outputs; i++) {
        if (!(copy[i] = bp_strdup(&m->allocator, names[i]))) {
            free_names(m, copy);
            return BP_ERR_MEMORY;
        }
    }
    if (!copy) {
        return BP_ERR_MEMORY;
    }
    free_names(m, m->classes); /* not before: names may be among them */
    m->classes = copy;
    return BP_OK;
}

const char *bp_model_class(const bp_model *m, size_t index)
{
    return m->classes && index < m->options.outputs ? m->classes[index] : NULL;
}

/* ---- notes ---- */

static size_t find_note(const bp_model *m, const char *key)
{
    size_t i = 0;
    while (i < m->note_count && strcmp(m->notes[i].key, key) != 0) {
        i++;
    }
    return i;
}

static void remove_note(bp_model *m, size_t i)
{
    bp_release(&m->allocator, m->notes[i].key);
    bp_release(&m->allocator, m->notes[i].value);
    m->note_count--;
    memmove(&m->notes[i], &m->notes[i + 1], (m->note_count - i) * sizeof *m->notes);
}

static bp_status append_note(bp_model *m, const char *key, const char *value)
{
    bp_note *larger = bp_alloc(&m->allocator, m->note_count + 1, sizeof *larger);
    bp_note note = {bp_strdup(&m->allocator, key), bp_strdup(&m->allocator, value)};
    if (!larger || !note.key || !note.value) {
        bp_release(&m->allocator, larger);
        bp_release(&m->allocator, note.key);
        bp_release(&m->allocator, note.value);
        return BP_ERR_MEMORY;
    }
    if (m->note_count) {
        memcpy(larger, m->notes, m->note_count * sizeof *larger);
    }
    larger[m->note_count++] = note;
    bp_release(&m->allocator, m->notes);
    m->notes = larger;
    return BP_OK;
}

bp_status bp_model_set_note(bp_model *m, const char *key, const char *value)
{
    size_t i = find_note(m, key);
    bool exists = i < m->note_count;
    if (!value) {
        if (exists) {
            remove_note(m, i);
        }
        return BP_OK;
    }
    if (!exists) {
        return append_note(m, key, value);
    }
    char *copy = bp_strdup(&m->allocator, value);
    if (!copy) {
        return BP_ERR_MEMORY;
    }
    bp_release(&m->allocator, m->notes[i].value);
    m->notes[i].value = copy;
    return BP_OK;
}

const char *bp_model_note(const bp_model *m, const char *key)
{
    size_t i = find_note(m, key);
    return i < m->note_count ? m->notes[i].value : NULL;
}

bool bp_model_note_at(const bp_model *m, size_t index, const char **key, const char **value)
{
    if (index >= m->note_count) {
        return false;
    }
    *key = m->notes[index].key;
    *value = m->notes[index].value;
    return true;
}

/* ---- all of it ---- */

void bp_model_free_extras(bp_model *m)
{
    free_scaling(m, &m->scaling);
    free_scaling(m, &m->output_scaling);
    bp_release(&m->allocator, m->preparation);
    free_names(m, m->classes);
    for (size_t i = 0; i < m->note_count; i++) {
        bp_release(&m->allocator, m->notes[i].key);
        bp_release(&m->allocator, m->notes[i].value);
    }
    bp_release(&m->allocator, m->notes);
}

bp_status bp_model_copy_extras(bp_model *to, const bp_model *from)
{
    bp_status status = copy_scaling(to, &to->scaling, &from->scaling);
    if (status == BP_OK) {
        status = copy_scaling(to, &to->output_scaling, &from->output_scaling);
    }
    if (status == BP_OK) {
        status = bp_model_set_preparation_text(to, from->preparation);
    }
    if (status == BP_OK && from->classes) {
        status = bp_model_set_classes(to, (const char *const *)from->classes);
    }
    for (size_t i = 0; status == BP_OK && i < from->note_count; i++) {
        status = bp_model_set_note(to, from->notes[i].key, from->notes[i].value);
    }
    return status;
}
