/* run_text.c - describing a run, and telling two of them apart. What changes nothing of the result, such as the number of
 * threads, is left out. */
#include "format/run_text.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/base.h"
#include "base/decimal.h"
#include "base/hash.h"
#include "nn/schedule.h"

static void put(json_t *run, const char *key, const char *text)
{
    json_object_set_new(run, key, json_string(text));
}

static void put_size(json_t *run, const char *key, uint64_t n)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, n);
    put(run, key, text);
}

static void put_hash(json_t *run, const char *key, const bp_hash *h)
{
    char text[32];
    snprintf(text, sizeof text, "fingerprint %016" PRIx64, bp_hash_value(h));
    put(run, key, h->bytes > 0 ? text : "none");
}

/* ---- the network ------------------------------------------------------------------------------------------------- */

static void put_scaling(json_t *run, const char *key, size_t count, const double *mean, const double *scale)
{
    bp_hash h = bp_hash_new();
    bp_hash_add(&h, mean, count * sizeof *mean);
    bp_hash_add(&h, scale, count * sizeof *scale);
    put_hash(run, key, &h);
}

static void put_text_hash(json_t *run, const char *key, const char *text)
{
    bp_hash h = bp_hash_new();
    bp_hash_add(&h, text, text ? strlen(text) : 0);
    put_hash(run, key, &h);
}

/* Only where there are any, as in runs that were written before layers could be frozen. */
static bp_status put_frozen(json_t *run, const bp_model *m)
{
    size_t bytes = bp_model_frozen(NULL, 0, m) + 1;
    bp_allocator a = bp_allocator_or_default(NULL);
    char *text = bp_alloc(&a, bytes, 1);
    if (text && bytes > 1) {
        bp_model_frozen(text, bytes, m);
        put(run, "frozen layers", text);
    }
    bp_release(&a, text);
    return text ? BP_OK : BP_ERR_MEMORY;
}

static bp_status put_network(json_t *run, const bp_model *m)
{
    bp_model_options o = bp_model_describe(m);
    const double *mean, *scale;
    put(run, "network", o.net);
    put(run, "output", o.output);
    put(run, "loss", o.loss);
    put(run, "task", bp_task_name(o.task));
    put(run, "number type", bp_type_name(o.type));
    put(run, "first weights", o.init);
    put_size(run, "seed of the first weights", o.seed);
    put_size(run, "inputs", o.inputs);
    put_size(run, "outputs", o.outputs);
    size_t count = bp_model_scaling(m, &mean, &scale);
    put_scaling(run, "scaling of the inputs", count, mean, scale);
    count = bp_model_output_scaling(m, &mean, &scale);
    put_scaling(run, "scaling of the outputs", count, mean, scale);
    put_text_hash(run, "preparation of the columns", bp_model_preparation_text(m));
    return put_frozen(run, m);
}

json_t *bp_run_layout(const bp_model *m)
{
    json_t *list = json_array();
    const bp_graph *g = bp_model_graph_const(m);
    const char *begin = g && bp_graph_params(g) > 0 ? bp_param_values(bp_graph_param(g, 0)) : NULL;
    for (size_t i = 0; i < bp_graph_params(g); i++) {
        const bp_node *n = bp_graph_param(g, i);
        bp_shape s = bp_node_shape(n);
        json_t *shape = json_array();
        for (int d = 0; d < s.dims; d++) {
            json_array_append_new(shape, json_integer((json_int_t)s.dim[d]));
        }
        ptrdiff_t bytes = (const char *)bp_param_values(n) - begin;
        json_int_t offset = (json_int_t)((size_t)bytes / bp_type_size(bp_graph_type(g)));
        json_array_append_new(list,
                              json_pack("{s:s, s:o, s:I}", "name", bp_node_name(n), "shape", shape, "offset", offset));
    }
    return list;
}

/* ---- the data ---------------------------------------------------------------------------------------------------- */

static bp_status hash_made_rows(bp_hash *h, const bp_data *d)
{
    bp_allocator a = bp_allocator_or_default(NULL);
    double *row = bp_alloc(&a, d->inputs, sizeof *row);
    for (size_t r = 0; row && r < d->rows; r++) {
        d->fill(d->x, r, row, BP_F64);
        bp_hash_add(h, row, d->inputs * sizeof *row);
    }
    bp_release(&a, row);
    return row ? BP_OK : BP_ERR_MEMORY;
}

/* "60000 rows, 784 inputs, 10 classes, fingerprint 0123456789abcdef" */
static bp_status put_data(json_t *run, const char *key, const bp_data *d)
{
    char text[160];
    bp_hash h = bp_hash_new();
    bp_status status = BP_OK;
    if (!d) {
        put(run, key, "none");
        return BP_OK;
    }
    if (d->fill) {
        status = hash_made_rows(&h, d);
    } else {
        bp_hash_add(&h, d->x, d->rows * d->inputs * bp_type_size(d->x_type));
    }
    if (d->classes) {
        bp_hash_add(&h, d->label, d->rows * sizeof *d->label);
    } else {
        bp_hash_add(&h, d->y, d->rows * d->targets * sizeof *d->y);
    }
    if (d->weight) {
        bp_hash_add(&h, d->weight, d->rows * sizeof *d->weight);
    }
    snprintf(text, sizeof text, "%zu rows%s, %zu inputs of type %s, %zu %s, fingerprint %016" PRIx64, d->rows,
             d->weight ? " with weights" : "", d->inputs, d->fill ? "made" : bp_type_name(d->x_type),
             d->classes ? d->classes : d->targets, d->classes ? "classes" : "targets", bp_hash_value(&h));
    put(run, key, text);
    return status;
}

/* ---- the options ------------------------------------------------------------------------------------------------- */

static const struct {
    const char *key;
    size_t offset;
} numbers[] = {
    {"learning rate", offsetof(bp_optimizer_options, lr)},
    {"momentum", offsetof(bp_optimizer_options, momentum)},
    {"dampening", offsetof(bp_optimizer_options, dampening)},
    {"beta1", offsetof(bp_optimizer_options, beta1)},
    {"beta2", offsetof(bp_optimizer_options, beta2)},
    {"eps", offsetof(bp_optimizer_options, eps)},
    {"lr_decay", offsetof(bp_optimizer_options, lr_decay)},
    {"initial accumulator", offsetof(bp_optimizer_options, initial)},
    {"l2", offsetof(bp_optimizer_options, l2)},
    {"l1", offsetof(bp_optimizer_options, l1)},
    {"weight decay", offsetof(bp_optimizer_options, weight_decay)},
    {"clip_norm", offsetof(bp_optimizer_options, clip_norm)},
    {"clip_value", offsetof(bp_optimizer_options, clip_value)},
    {"tolerance_gradient", offsetof(bp_optimizer_options, tolerance_gradient)},
    {"tolerance_decrease", offsetof(bp_optimizer_options, tolerance_decrease)},
    {"eta_plus", offsetof(bp_optimizer_options, eta_plus)},
    {"eta_minus", offsetof(bp_optimizer_options, eta_minus)},
    {"step_min", offsetof(bp_optimizer_options, step_min)},
    {"step_max", offsetof(bp_optimizer_options, step_max)},
};

static void put_optimizer(json_t *run, const bp_optimizer_options *o)
{
    put(run, "optimizer", bp_optimizer_name(o->kind));
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        char text[BP_DECIMAL_SIZE];
        bp_decimal_text(text, *(const double *)((const char *)o + numbers[i].offset), BP_F64);
        put(run, numbers[i].key, text);
    }
    put_size(run, "history", o->history);
}

static void put_options(json_t *run, const bp_train_options *o)
{
    char schedule[BP_SCHEDULE_TEXT];
    bool full = bp_optimizer_full_batch(o->optimizer.kind);
    put_optimizer(run, &o->optimizer);
    bp_schedule_text(schedule, sizeof schedule, &o->schedule);
    put(run, "schedule", schedule);
    put_size(run, "batch", full ? 0 : o->batch);
    put(run, "shuffling", full ? "none" : o->shuffle ? "on" : "off");
    put_size(run, "seed", o->seed);
    put_size(run, "patience", o->patience);
    put(run, "restoring the best weights", o->restore_best ? "on" : "off");
    if (bp_schedule_uses_end(&o->schedule)) { /* else a run may be made longer */
        put_size(run, "epochs of the schedule", o->epochs);
        if (o->steps != SIZE_MAX) {
            put_size(run, "steps of the schedule", o->steps);
        }
    }
}

bp_status bp_run_describe(json_t **out, const bp_model *m, const bp_data *data, const bp_train_options *run)
{
    json_t *object = json_object();
    bp_status status = put_network(object, m);
    put_options(object, run);
    status = status == BP_OK ? put_data(object, "training data", data) : status;
    status = status == BP_OK ? put_data(object, "validation data", run->valid) : status;
    status = status == BP_OK ? put_data(object, "test data", run->test) : status;
    *out = status == BP_OK ? object : NULL;
    if (status != BP_OK) {
        json_decref(object);
    }
    return status;
}

/* ---- comparing --------------------------------------------------------------------------------------------------- */

enum { MOST_TOLD = 5 };

typedef struct differences {
    char text[900];
    size_t used, count;
} differences;

static const char mark[] = "fingerprint ";

/* The text without a hash, which tells people nothing, and without "made", which says how the rows come. */
static void without_hash(char *out, size_t size, const char *text)
{
    static const char made[] = " of type made";
    const char *hash = strstr(text, mark);
    size_t n = hash ? (size_t)(hash - text) : strlen(text);
    while (hash && n > 0 && (text[n - 1] == ' ' || text[n - 1] == ',')) {
        n--;
    }
    snprintf(out, size, "%.*s", (int)(n < size ? n : size - 1), text);
    char *at = strstr(out, made);
    if (at) {
        memmove(at, at + strlen(made), strlen(at + strlen(made)) + 1);
    }
}

/* "learning rate: 0.001 there, 0.01 now"; of what is known by its hash alone, "training data: 150 rows, with other values". */
static void add_difference(differences *d, const char *key, const char *saved, const char *now)
{
    char there[130], here[130], text[300];
    saved = saved ? saved : "none";
    now = now ? now : "none";
    without_hash(there, sizeof there, saved);
    without_hash(here, sizeof here, now);
    if (strcmp(there, here) == 0) {
        snprintf(text, sizeof text, "%s: %s%s", key, here, *here ? ", with other values" : "other values");
    } else {
        snprintf(text, sizeof text, "%s: %s there, %s now", key, *there ? there : "some", *here ? here : "some");
    }
    if (d->count++ < MOST_TOLD && d->used < sizeof d->text) {
        d->used += (size_t)snprintf(d->text + d->used, sizeof d->text - d->used, "%s%s", d->used ? "; " : "", text);
    }
}

/* Whether a difference says no more than that the schedules differ: only some of them depend on the end of the run. */
static bool follows_from_schedule(const char *key, const char *there, const char *here)
{
    return strcmp(key, "epochs of the schedule") == 0 && !(there && here);
}

static void compare_key(differences *d, const char *key, const json_t *saved, const json_t *now)
{
    const char *there = json_string_value(json_object_get(saved, key));
    const char *here = json_string_value(json_object_get(now, key));
    bool same = there && here && strcmp(there, here) == 0;
    if (!same && !follows_from_schedule(key, there, here)) {
        add_difference(d, key, there, here);
    }
}

bp_status bp_run_compare(const char *saved, const json_t *now, const char *path)
{
    json_t *run = saved ? json_loads(saved, JSON_REJECT_DUPLICATES, NULL) : NULL, *value;
    const char *key;
    char more[40] = "";
    differences d = {.used = 0};
    if (!json_is_object(run)) {
        json_decref(run);
        return bp_fail(BP_ERR_FORMAT, "reading %s: its metadata do not say of which run it is", path);
    }
    json_object_foreach((json_t *)now, key, value)
    {
        compare_key(&d, key, run, now);
    }
    json_object_foreach(run, key, value)
    {
        if (!json_object_get(now, key)) {
            compare_key(&d, key, run, now);
        }
    }
    json_decref(run);
    if (d.count > MOST_TOLD) {
        snprintf(more, sizeof more, "; and %zu more", d.count - MOST_TOLD);
    }
    return d.count == 0 ? BP_OK
                        : bp_fail(BP_ERR_DATA, "%s is of another run: %s%s. Use the same data, network and options",
                                  path, d.text, more);
}
