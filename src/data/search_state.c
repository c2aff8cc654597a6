/* search_state.c - the scores of a search in a file, as JSON, so that a search which was stopped can go on. Numbers have 17
 * digits: what is read back is what was found. Nothing in the file is believed before it is checked. */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "data/file.h"
#include "data/search.h"
#include "data/table.h"

static const char kind_text[] = "backprop search";
enum { STATE_VERSION = 1, STATE_MOST = 64 << 20 /* bytes: of some 100,000 candidates */ };

/* ---- what belongs to a search ------------------------------------------------------------------------------------ */

/* Inputs, answers and weights of prepared rows. */
static bp_status add_rows(bp_hash *h, const bp_data *d, const bp_allocator *a)
{
    float *row = bp_alloc(a, d->inputs, sizeof *row);
    if (!row) {
        return BP_ERR_MEMORY;
    }
    for (size_t i = 0; i < d->rows; i++) {
        d->fill(d->x, i, row, BP_F32);
        bp_hash_add(h, row, d->inputs * sizeof *row);
    }
    if (d->label) {
        bp_hash_add(h, d->label, d->rows * sizeof *d->label);
    } else {
        bp_hash_add(h, d->y, d->rows * d->targets * sizeof *d->y);
    }
    if (d->weight) {
        bp_hash_add(h, d->weight, d->rows * sizeof *d->weight);
    }
    bp_release(a, row);
    return BP_OK;
}

/* The columns' treatment, the rows trained on and those watched, as a fingerprint. */
static bp_status describe_data(bp_search_fact *fact, const bp_fit *f)
{
    const char *prepared = bp_preparation_text(f->preparation);
    bp_hash h = bp_hash_new();
    bp_hash_add(&h, prepared, strlen(prepared));
    bp_status status = add_rows(&h, &f->train->train, &f->allocator);
    status = status == BP_OK && f->valid ? add_rows(&h, &f->valid->train, &f->allocator) : status;
    snprintf(fact->text, sizeof fact->text, "%016llx", (unsigned long long)bp_hash_value(&h));
    return status;
}

static bp_search_fact *next_fact(bp_search_state *s, const char *name)
{
    bp_search_fact *fact = &s->fact[s->facts++];
    fact->name = name;
    return fact;
}

static void describe_target(bp_search_fact *fact, const bp_preparation *p)
{
    const char *name = NULL;
    size_t used = (size_t)snprintf(fact->text, sizeof fact->text, "%s:", bp_table_task_name(bp_preparation_task(p)));
    for (size_t i = 0; (name = bp_preparation_target(p, i, NULL, NULL)) != NULL && used + 2 < sizeof fact->text; i++) {
        fact->text[used++] = ' ';
        bp_text_shown(fact->text + used, sizeof fact->text - used, name, strlen(name));
        used += strlen(fact->text + used);
    }
}

static void describe_network(bp_search_fact *fact, const bp_fit *f)
{
    bp_model_options m = bp_model_describe(f->model);
    snprintf(fact->text, sizeof fact->text, "output %s, loss %s, weights %s, %s", m.output ? m.output : "chosen",
             m.loss ? m.loss : "chosen", m.init ? m.init : "chosen", bp_type_name(m.type));
}

static void describe_training(bp_search_fact *fact, const bp_train_options *run)
{
    const bp_optimizer_options *o = &run->optimizer;
    char steps[32] = "no limit of";
    if (run->steps != SIZE_MAX) {
        snprintf(steps, sizeof steps, "%zu", run->steps);
    }
    snprintf(fact->text, sizeof fact->text, "%s steps, %s, momentum %.9g, l1 %.9g, clipping %.9g and %.9g", steps,
             run->shuffle ? "shuffled" : "in order", o->momentum, o->l1, o->clip_norm, o->clip_value);
}

static void describe_count(bp_search_state *s, const char *name, uint64_t value)
{
    bp_search_fact *fact = next_fact(s, name);
    snprintf(fact->text, sizeof fact->text, "%llu", (unsigned long long)value);
}

/* In the order in which a difference is looked for: the coarse ones first, as they explain the fine ones. */
bp_status bp_search_describe(bp_search_state *s, const bp_fit *f, size_t candidates, size_t folds)
{
    s->facts = 0;
    describe_count(s, "candidates", candidates);
    describe_count(s, "folds", folds);
    describe_count(s, "seed", f->options.seed);
    describe_target(next_fact(s, "target"), f->preparation);
    bp_search_fact *rows = next_fact(s, "rows");
    snprintf(rows->text, sizeof rows->text, "%zu, %zu of them watched", f->rows, f->valid ? f->valid->train.rows : 0);
    describe_network(next_fact(s, "network"), f);
    describe_training(next_fact(s, "training"), &f->run);
    bp_search_fact *kernel = next_fact(s, "kernel");
    snprintf(kernel->text, sizeof kernel->text, "%s", bp_kernel_name());
    return describe_data(next_fact(s, "prepared data"), f);
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static const char advice[] = "name another file, or remove this one to begin anew";

static bp_status damaged(const bp_search_state *s, const char *what)
{
    return bp_fail(BP_ERR_FORMAT, "the search in %s: %s; %s", s->path, what, advice);
}

static bp_status differs(const bp_search_state *s, const char *what, const char *there, const char *here)
{
    return bp_fail(BP_ERR_DATA, "the search in %s is another one: %s \"%s\" there, \"%s\" here; %s", s->path, what,
                   there, here, advice);
}

static bp_status check_facts(const bp_search_state *s, const json_t *about)
{
    for (size_t i = 0; i < s->facts; i++) {
        const char *there = json_string_value(json_object_get(about, s->fact[i].name));
        if (!there) {
            return damaged(s, "it does not tell what it belongs to");
        }
        if (strcmp(there, s->fact[i].text) != 0) {
            return differs(s, s->fact[i].name, there, s->fact[i].text);
        }
    }
    return BP_OK;
}

static bp_status check_settings(const bp_search_state *s, const bp_search_scores *scores, const json_t *list)
{
    if (json_array_size(list) != scores->candidates) {
        return damaged(s, "it has not as many settings as candidates");
    }
    for (size_t i = 0; i < scores->candidates; i++) {
        char what[48], here[BP_SETTING_TEXT];
        const char *there = json_string_value(json_array_get(list, i));
        snprintf(what, sizeof what, "candidate %zu is", i + 1);
        bp_setting_text(here, &s->setting[i]);
        if (!there) {
            return damaged(s, "a setting is no text");
        }
        if (strcmp(there, here) != 0) {
            return differs(s, what, there, here);
        }
    }
    return BP_OK;
}

/* A number from 1 to most under a key; 0 if it is none. */
static size_t index_at(const json_t *o, const char *key, size_t most)
{
    json_int_t value = json_integer_value(json_object_get(o, key));
    return value >= 1 && (size_t)value <= most ? (size_t)value : 0;
}

static bool read_number(double *out, const json_t *value, double absent)
{
    *out = json_is_null(value) ? absent : json_number_value(value);
    return json_is_null(value) || (json_is_number(value) && isfinite(*out));
}

static bp_status read_scores(bp_search_scores *scores, const bp_search_state *s, const json_t *list)
{
    if (!json_is_array(list)) {
        return damaged(s, "it has no list of scores");
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *o = json_array_get(list, i);
        size_t candidate = index_at(o, "candidate", scores->candidates), rung = index_at(o, "rung", scores->rungs);
        bp_score score = {.known = true};
        bool good = candidate > 0 && rung > 0 && read_number(&score.loss, json_object_get(o, "loss"), INFINITY) &&
                    read_number(&score.measure, json_object_get(o, "measure"), NAN);
        bp_score *slot = good ? &scores->score[(candidate - 1) * scores->rungs + rung - 1] : NULL;
        if (!good || slot->known) {
            return damaged(s, "a score in it is damaged or there twice");
        }
        *slot = score;
    }
    return BP_OK;
}

static bp_status check_kind(const bp_search_state *s, const json_t *o)
{
    const char *kind = json_string_value(json_object_get(o, "kind"));
    json_int_t version = json_integer_value(json_object_get(o, "version"));
    if (!kind || strcmp(kind, kind_text) != 0) {
        return damaged(s, "it is no file of a search");
    }
    if (version != STATE_VERSION) {
        return bp_fail(BP_ERR_UNSUPPORTED, "the search in %s: version %lld, expected %d; %s", s->path,
                       (long long)version, (int)STATE_VERSION, advice);
    }
    return BP_OK;
}

static bp_status parse(bp_search_scores *scores, const bp_search_state *s, const char *text, size_t bytes)
{
    json_error_t error;
    json_t *o = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, &error);
    if (!json_is_object(o)) {
        json_decref(o);
        return damaged(s, "it is no file of a search");
    }
    bp_status status = check_kind(s, o);
    status = status == BP_OK ? check_facts(s, json_object_get(o, "about")) : status;
    status = status == BP_OK ? check_settings(s, scores, json_object_get(o, "settings")) : status;
    status = status == BP_OK ? read_scores(scores, s, json_object_get(o, "scores")) : status;
    json_decref(o);
    return status;
}

bp_status bp_search_read(bp_search_scores *scores, const bp_search_state *s)
{
    bp_reader *r = NULL;
    if (!s->path || access(s->path, F_OK) != 0) {
        return BP_OK;
    }
    bp_status status = bp_reader_open(&r, s->path, false, &s->allocator);
    if (status != BP_OK) {
        return status;
    }
    size_t bytes = bp_reader_file_bytes(r);
    char *text = bytes <= STATE_MOST ? bp_alloc(&s->allocator, bytes, 1) : NULL;
    if (bytes > STATE_MOST) {
        status = damaged(s, "it is too large for a file of a search");
    } else {
        status = text ? bp_reader_read(r, text, bytes, "the scores") : BP_ERR_MEMORY;
    }
    status = status == BP_OK ? parse(scores, s, text, bytes) : status;
    bp_release(&s->allocator, text);
    bp_reader_close(r);
    return status;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

/* Adds a value, which is released in any case; false where there is no memory or a text is no UTF-8. */
static bool put(json_t *object, const char *key, json_t *value)
{
    return json_object_set_new(object, key, value) == 0;
}

static bool add(json_t *list, json_t *value)
{
    return json_array_append_new(list, value) == 0;
}

static json_t *number(double x)
{
    return isfinite(x) ? json_real(x) : json_null();
}

static bool put_about(json_t *about, const bp_search_state *s)
{
    bool good = true;
    for (size_t i = 0; i < s->facts && good; i++) {
        good = put(about, s->fact[i].name, json_string(s->fact[i].text));
    }
    return good;
}

static bool put_settings(json_t *list, const bp_search_state *s, size_t count)
{
    char text[BP_SETTING_TEXT];
    bool good = true;
    for (size_t i = 0; i < count && good; i++) {
        good = add(list, json_string(bp_setting_text(text, &s->setting[i])));
    }
    return good;
}

static bool put_scores(json_t *list, const bp_search_scores *scores)
{
    bool good = true;
    for (size_t rung = 0; rung < scores->rungs; rung++) {
        for (size_t i = 0; i < scores->candidates && good; i++) {
            const bp_score *score = &scores->score[i * scores->rungs + rung];
            json_t *o = score->known ? json_object() : NULL;
            if (score->known) {
                good = o && put(o, "candidate", json_integer((json_int_t)i + 1)) &&
                       put(o, "rung", json_integer((json_int_t)rung + 1)) && put(o, "loss", number(score->loss)) &&
                       put(o, "measure", number(score->measure));
                good = add(list, json_incref(o)) && good;
                json_decref(o);
            }
        }
    }
    return good;
}

/* The whole as text, to be released with free(); NULL with the text of the failure set. */
static char *dump(const bp_search_state *s, const bp_search_scores *scores)
{
    json_t *o = json_object(), *about = json_object(), *settings = json_array(), *list = json_array();
    bool good = put_about(about, s) && put_settings(settings, s, scores->candidates) && put_scores(list, scores);
    good = put(o, "kind", json_string(kind_text)) && good;
    good = put(o, "version", json_integer(STATE_VERSION)) && good;
    good = put(o, "about", about) && good;
    good = put(o, "settings", settings) && good;
    good = put(o, "scores", list) && good;
    char *text = good ? json_dumps(o, JSON_INDENT(1) | JSON_REAL_PRECISION(17)) : NULL;
    json_decref(o);
    if (!text) {
        bp_fail(BP_ERR_MEMORY, "writing the search to %s: no memory, or a name that is no UTF-8", s->path);
    }
    return text;
}

bp_status bp_search_write(const bp_search_state *s, const bp_search_scores *scores)
{
    bp_writer *w = NULL;
    if (!s->path) {
        return BP_OK;
    }
    char *text = dump(s, scores);
    if (!text) {
        return BP_ERR_MEMORY;
    }
    bp_status status = bp_writer_open(&w, s->path, false, &s->allocator);
    if (status == BP_OK) {
        status = bp_writer_write(w, text, strlen(text));
        if (status == BP_OK) {
            status = bp_writer_commit(w);
        } else {
            bp_writer_abandon(w);
        }
    }
    free(text);
    return status;
}
