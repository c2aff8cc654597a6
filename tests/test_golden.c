/* test_golden.c - training against PyTorch: the same networks, data and initial weights, step by step.
 *
 * Every case of golden/trajectories.json is run in double precision through bp_optimizer_step, comparing the loss of each
 * of 20 steps and the final weights, and through bp_train; with every kernel set that the CPU has, fused and unfused. How the
 * golden values came about is written in golden/make_golden.py; single ops are compared in test_golden_ops.c. */
#include "golden/golden.h"

enum { STEPS = 20, MAX_EPOCHS = 64 };

/* One way to run all cases. */
typedef struct variant {
    const char *label;
    bp_type type;
    bool unfused;
    int threads;
    golden_tolerance tolerance;
} variant;

static const variant exact = {"f64", BP_F64, false, 1, {1e-9, 1e-4}};
static const variant unfused = {"f64 unfused", BP_F64, true, 1, {1e-9, 1e-4}};
static const variant threaded = {"f64, two threads", BP_F64, false, 2, {1e-9, 1e-4}};
static const variant minimum = {"f64", BP_F64, false, 1, {1e-7, 1}}; /* found by another path */
static const variant minimum_threaded = {"f64, two threads", BP_F64, false, 2, {1e-7, 1}};
static const variant single = {"f32", BP_F32, false, 1, {1e-4, 0.1}};

static json_t *golden; /* trajectories.json, loaded once */

/* ---- from a case to a model ------------------------------------------------------------------------------------- */

/* "dense 6 relu, dense 5 tanh" */
static void net_text(char *out, size_t size, const json_t *c)
{
    const json_t *hidden = golden_get(c, "hidden");
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < json_array_size(hidden); i++) {
        const json_t *layer = json_array_get(hidden, i);
        int n =
            snprintf(out + used, size - used, "%sdense %zu %s", i ? ", " : "",
                     (size_t)json_number_value(json_array_get(layer, 0)), json_string_value(json_array_get(layer, 1)));
        assert_true(n > 0 && (size_t)n < size - used);
        used += (size_t)n;
    }
}

/* The key of the initial weights, "5-7-4". */
static void weights_key(char *out, size_t size, const json_t *c)
{
    const json_t *hidden = golden_get(c, "hidden");
    size_t used = (size_t)snprintf(out, size, "5");
    for (size_t i = 0; i < json_array_size(hidden); i++) {
        size_t units = (size_t)json_number_value(json_array_get(json_array_get(hidden, i), 0));
        used += (size_t)snprintf(out + used, size - used, "-%zu", units);
    }
    (void)snprintf(out + used, size - used, "-%zu", golden_size(c, "units"));
}

/* PyTorch's [out, in] to the graph's [in, out], or back with rows and columns exchanged. */
static void transpose(double *out, const double *in, size_t rows, size_t cols)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < cols; c++)
            out[c * rows + r] = in[r * cols + c];
}

/* Layers that have weights, in order; false past the last. */
static bool next_layer(const bp_model *m, size_t *index, bp_layer_info *layer)
{
    while (bp_model_layer(m, (*index)++, layer))
        if (layer->w)
            return true;
    return false;
}

static void set_weights(bp_model *m, const json_t *c)
{
    char key[64];
    weights_key(key, sizeof key, c);
    const json_t *weights = golden_get(golden_get(golden, "weights"), key);
    bp_layer_info layer;
    size_t used = 0;
    for (size_t index = 0; next_layer(m, &index, &layer); used += 2) {
        golden_array w = golden_numbers(json_array_get(weights, used));
        golden_array b = golden_numbers(json_array_get(weights, used + 1));
        assert_int_equal(w.count, bp_node_size(layer.w));
        assert_int_equal(b.count, bp_node_size(layer.b));
        double *t = golden_alloc(w.count, sizeof *t);
        transpose(t, w.v, layer.outputs, layer.inputs);
        golden_ok(bp_param_set(layer.w, t));
        golden_ok(bp_param_set(layer.b, b.v));
        free(t);
        free(w.v);
        free(b.v);
    }
    assert_int_equal(used, json_array_size(weights));
}

static bp_model *new_model(const json_t *c, const variant *v)
{
    char net[200];
    net_text(net, sizeof net, c);
    bp_model_options o = bp_model_defaults();
    o.inputs = 5;
    o.outputs = golden_size(c, "outputs");
    o.task = strcmp(golden_text(c, "task"), "classify") == 0 ? BP_CLASSIFY : BP_REGRESS;
    o.net = net;
    o.output = golden_text(c, "output");
    o.loss = golden_text(c, "loss");
    o.type = v->type;
    o.unfused = v->unfused;
    bp_model *m = NULL;
    golden_ok(bp_model_new(&m, &o));
    assert_int_equal(bp_model_units(m), golden_size(c, "units"));
    set_weights(m, c);
    return m;
}

/* Which member of bp_optimizer_options a word of the JSON is. */
static const struct {
    const char *name;
    size_t offset;
} option_words[] = {
    {"lr", offsetof(bp_optimizer_options, lr)},
    {"momentum", offsetof(bp_optimizer_options, momentum)},
    {"dampening", offsetof(bp_optimizer_options, dampening)},
    {"beta1", offsetof(bp_optimizer_options, beta1)},
    {"beta2", offsetof(bp_optimizer_options, beta2)},
    {"eps", offsetof(bp_optimizer_options, eps)},
    {"lr_decay", offsetof(bp_optimizer_options, lr_decay)},
    {"initial", offsetof(bp_optimizer_options, initial)},
    {"l2", offsetof(bp_optimizer_options, l2)},
    {"l1", offsetof(bp_optimizer_options, l1)},
    {"weight_decay", offsetof(bp_optimizer_options, weight_decay)},
    {"clip_norm", offsetof(bp_optimizer_options, clip_norm)},
    {"clip_value", offsetof(bp_optimizer_options, clip_value)},
    {"tolerance_gradient", offsetof(bp_optimizer_options, tolerance_gradient)},
    {"tolerance_decrease", offsetof(bp_optimizer_options, tolerance_decrease)},
    {"eta_plus", offsetof(bp_optimizer_options, eta_plus)},
    {"eta_minus", offsetof(bp_optimizer_options, eta_minus)},
    {"step_min", offsetof(bp_optimizer_options, step_min)},
    {"step_max", offsetof(bp_optimizer_options, step_max)},
};

static double *option_word(bp_optimizer_options *o, const char *name)
{
    for (size_t i = 0; i < sizeof option_words / sizeof option_words[0]; i++)
        if (strcmp(option_words[i].name, name) == 0)
            return (double *)(void *)((char *)o + option_words[i].offset);
    fail_msg("golden values: no optimizer option \"%s\"", name);
    return NULL;
}

/* The defaults of the kind, with what the case says put over them. */
static bp_optimizer_options optimizer_of(const json_t *c)
{
    const json_t *words = golden_get(c, "optimizer");
    bp_optimizer_kind kind;
    golden_ok(bp_optimizer_parse(&kind, golden_text(words, "kind")));
    bp_optimizer_options o = bp_optimizer_defaults(kind);
    for (void *i = json_object_iter((json_t *)words); i; i = json_object_iter_next((json_t *)words, i))
        if (json_is_number(json_object_iter_value(i)))
            *option_word(&o, json_object_iter_key(i)) = json_number_value(json_object_iter_value(i));
    return o;
}

/* ---- comparing -------------------------------------------------------------------------------------------------- */

static size_t compare_weights(const char *label, const bp_model *m, const json_t *c, golden_tolerance tolerance)
{
    const json_t *final = golden_get(c, "final");
    bp_layer_info layer;
    size_t bad = 0, used = 0;
    for (size_t index = 0; next_layer(m, &index, &layer); used += 2) {
        golden_array w = golden_numbers(json_array_get(final, used));
        golden_array b = golden_numbers(json_array_get(final, used + 1));
        double *t = golden_alloc(w.count, sizeof *t), *found = golden_alloc(w.count, sizeof *found);
        transpose(t, w.v, layer.outputs, layer.inputs);
        golden_ok(bp_param_get(layer.w, found));
        bad += golden_differences(label, bp_node_name(layer.w), found, t, w.count, tolerance);
        golden_ok(bp_param_get(layer.b, found));
        bad += golden_differences(label, bp_node_name(layer.b), found, b.v, b.count, tolerance);
        free(found);
        free(t);
        free(w.v);
        free(b.v);
    }
    return bad + (used != json_array_size(final));
}

static void label_of(char *out, size_t size, const variant *v, const json_t *c, const char *way)
{
    (void)snprintf(out, size, "%s, %s, %s, %s", golden_text(c, "name"), v->label, bp_kernel_name(), way);
}

/* ---- step by step ----------------------------------------------------------------------------------------------- */

typedef struct rows_of_case {
    golden_array x, t;
    size_t inputs, targets, rows;
} rows_of_case;

static rows_of_case case_rows(const json_t *c)
{
    const json_t *data = golden_get(golden, "data");
    rows_of_case r = {golden_numbers(golden_get(data, "x")), golden_numbers(golden_get(data, golden_text(c, "target"))),
                      5, 0, golden_size(golden, "rows")};
    assert_int_equal(r.x.count, r.rows * r.inputs);
    r.targets = r.t.count / r.rows;
    return r;
}

static void rows_free(rows_of_case *r)
{
    free(r->x.v);
    free(r->t.v);
}

/* Puts the rows of a step into the session; returns how many. */
static size_t set_batch(bp_session *s, const bp_model *m, const rows_of_case *r, size_t batch, size_t step)
{
    size_t per_epoch = (r->rows + batch - 1) / batch;
    size_t begin = step % per_epoch * batch;
    size_t rows = r->rows - begin < batch ? r->rows - begin : batch;
    golden_ok(bp_session_set(s, bp_model_x(m), r->x.v + begin * r->inputs, rows));
    golden_ok(bp_session_set(s, bp_model_target(m), r->t.v + begin * r->targets, rows));
    return rows;
}

static bp_session *new_session(const bp_model *m, const variant *v, size_t max_rows)
{
    bp_session_options o = bp_session_defaults();
    o.max_rows = max_rows;
    o.threads = v->threads;
    const bp_node *loss = bp_model_loss_node(m);
    bp_session *s = NULL;
    golden_ok(bp_session_new(&s, bp_model_graph_const(m), &loss, 1, &o));
    return s;
}

/* dL/dx of the first batch, where the case has it. */
static size_t compare_input_gradient(const char *label, bp_session *s, const bp_model *m, const rows_of_case *r,
                                     const json_t *c, golden_tolerance tolerance)
{
    if (!json_object_get(c, "dx"))
        return 0;
    size_t rows = set_batch(s, m, r, golden_size(c, "batch"), 0);
    golden_array dx = golden_numbers(golden_get(c, "dx"));
    assert_int_equal(dx.count, rows * r->inputs);
    double *found = golden_alloc(dx.count, sizeof *found);
    golden_ok(bp_forward(s, rows));
    golden_ok(bp_backward(s));
    golden_ok(bp_session_gradient(s, bp_model_x(m), found));
    size_t bad = golden_differences(label, "dL/dx", found, dx.v, dx.count, tolerance);
    free(found);
    free(dx.v);
    return bad;
}

/* The 20 steps with bp_optimizer_step: losses, final weights, first input gradient. Returns the number of differences. */
static size_t run_steps(const json_t *c, const variant *v)
{
    char label[300];
    label_of(label, sizeof label, v, c, "bp_optimizer_step");
    bp_model *m = new_model(c, v);
    rows_of_case r = case_rows(c);
    size_t batch = golden_size(c, "batch");
    bp_session *s = new_session(m, v, batch);
    size_t bad = compare_input_gradient(label, s, m, &r, c, v->tolerance);

    bp_optimizer_options options = optimizer_of(c);
    bp_optimizer *o = NULL;
    golden_ok(bp_optimizer_new(&o, bp_model_graph(m), &options));
    golden_array losses = golden_numbers(golden_get(c, "losses"));
    assert_int_equal(losses.count, STEPS);
    double found[STEPS];
    for (size_t step = 0; step < STEPS; step++) {
        golden_ok(bp_optimizer_step(o, s, set_batch(s, m, &r, batch, step)));
        found[step] = bp_session_objective(s);
    }
    bad += golden_differences(label, "loss", found, losses.v, STEPS, v->tolerance);
    bad += compare_weights(label, m, c, v->tolerance);
    free(losses.v);
    bp_optimizer_free(o);
    bp_session_free(s);
    rows_free(&r);
    bp_model_free(m);
    return bad;
}

/* ---- the whole job ---------------------------------------------------------------------------------------------- */

typedef struct epochs {
    size_t count;
    double loss[MAX_EPOCHS], lr[MAX_EPOCHS];
} epochs;

static bool note_epoch(void *ctx, const bp_progress *p)
{
    epochs *e = ctx;
    if (e->count < MAX_EPOCHS) {
        e->loss[e->count] = p->train_loss;
        e->lr[e->count] = p->lr;
    }
    e->count++;
    return true;
}

/* The last epoch alone. */
static bool note_last(void *ctx, const bp_progress *p)
{
    epochs *e = ctx;
    e->loss[0] = p->train_loss;
    e->count++;
    return true;
}

/* bp_train in fixed order with the options given; the case's data, batch and optimizer are filled in. */
static void train(bp_model *m, const json_t *c, const variant *v, bp_train_options o)
{
    rows_of_case r = case_rows(c);
    int32_t *label = golden_alloc(r.rows, sizeof *label);
    bp_data data = {.rows = r.rows, .inputs = r.inputs, .x = r.x.v, .x_type = BP_F64};
    if (strcmp(golden_text(c, "task"), "classify") == 0) {
        for (size_t i = 0; i < r.rows; i++)
            label[i] = (int32_t)r.t.v[i];
        data.classes = golden_size(c, "outputs");
        data.label = label;
    } else {
        data.targets = r.targets;
        data.y = r.t.v;
    }
    o.batch = golden_size(c, "batch");
    o.optimizer = optimizer_of(c);
    o.shuffle = false;
    o.threads = v->threads;
    golden_ok(bp_train(NULL, m, &data, &o));
    free(label);
    rows_free(&r);
}

static size_t run_train(const json_t *c, const variant *v)
{
    char label[300];
    label_of(label, sizeof label, v, c, "bp_train");
    bp_model *m = new_model(c, v);
    bp_train_options o = bp_train_defaults();
    o.epochs = 1000; /* the steps end it */
    o.steps = STEPS;
    train(m, c, v, o);
    size_t bad = compare_weights(label, m, c, v->tolerance);
    bp_model_free(m);
    return bad;
}

/* A run of whole epochs with a schedule: the loss and the last learning rate of every epoch, and the final weights. */
static size_t run_schedule(const json_t *c, const variant *v)
{
    char label[300];
    label_of(label, sizeof label, v, c, "bp_train");
    golden_array losses = golden_numbers(golden_get(c, "losses")), lr = golden_numbers(golden_get(c, "lr"));
    bp_model *m = new_model(c, v);
    epochs seen = {0};
    bp_train_options o = bp_train_defaults();
    o.epochs = golden_size(c, "epochs");
    o.on_epoch = note_epoch;
    o.ctx = &seen;
    golden_ok(bp_schedule_parse(&o.schedule, golden_text(c, "schedule")));
    train(m, c, v, o);
    assert_int_equal(seen.count, o.epochs);
    assert_int_equal(losses.count, o.epochs);
    assert_true(o.epochs <= MAX_EPOCHS);
    size_t bad = golden_differences(label, "loss", seen.loss, losses.v, losses.count, v->tolerance);
    bad += golden_differences(label, "lr", seen.lr, lr.v, lr.count, v->tolerance);
    bad += compare_weights(label, m, c, v->tolerance);
    bp_model_free(m);
    free(losses.v);
    free(lr.v);
    return bad;
}

/* The minimum that SciPy finds from the same weights: its loss and its weights. */
static size_t run_minimum(const json_t *c, const variant *v)
{
    char label[300];
    label_of(label, sizeof label, v, c, "bp_train");
    bp_model *m = new_model(c, v);
    epochs seen = {0};
    bp_train_options o = bp_train_defaults();
    o.epochs = 1000; /* it converges before */
    o.on_epoch = note_last;
    o.ctx = &seen;
    train(m, c, v, o);
    double wanted = golden_number(c, "loss_there");
    size_t bad = seen.count >= o.epochs;
    bad += golden_differences(label, "loss", seen.loss, &wanted, 1, v->tolerance);
    bad += compare_weights(label, m, c, v->tolerance);
    bp_model_free(m);
    return bad;
}

/* ---- tests ------------------------------------------------------------------------------------------------------ */

/* All entries of a list with one way of running them; every difference has been printed when this fails. */
static void run_all(const char *list, size_t (*run)(const json_t *c, const variant *v), const variant *v)
{
    const json_t *cases = golden_get(golden, list);
    size_t bad = 0;
    for (size_t i = 0; i < json_array_size(cases); i++)
        bad += run(json_array_get(cases, i), v) != 0;
    assert_true(json_array_size(cases) > 0);
    if (bad)
        fail_msg("%zu of %zu cases differ", bad, json_array_size(cases));
}

/* The same with each kernel set of this CPU; the best one is in use again afterwards. */
static void run_all_kernels(const char *list, size_t (*run)(const json_t *c, const variant *v), const variant *v)
{
    for (size_t k = 0; bp_kernel_available(k); k++) {
        golden_ok(bp_kernel_select(bp_kernel_available(k)));
        run_all(list, run, v);
    }
    golden_ok(bp_kernel_select(bp_kernel_available(0)));
}

static void test_steps(void **state)
{
    (void)state;
    run_all_kernels("cases", run_steps, &exact);
}

static void test_steps_unfused(void **state)
{
    (void)state;
    run_all("cases", run_steps, &unfused);
}

static void test_steps_threads(void **state)
{
    (void)state;
    run_all("cases", run_steps, &threaded);
}

static void test_steps_f32(void **state)
{
    (void)state;
    run_all_kernels("cases", run_steps, &single);
}

static void test_train(void **state)
{
    (void)state;
    run_all_kernels("cases", run_train, &exact);
    run_all("cases", run_train, &threaded);
}

static void test_train_schedules(void **state)
{
    (void)state;
    run_all("runs", run_schedule, &exact);
}

static void test_minima(void **state)
{
    (void)state;
    run_all_kernels("minima", run_minimum, &minimum);
    run_all("minima", run_minimum, &minimum_threaded);
}

/* The comparison itself must notice a wrong network: other weights, a NaN. */
static void test_comparison_notices(void **state)
{
    (void)state;
    const json_t *c = json_array_get(golden_get(golden, "cases"), 0);
    bp_model *m = new_model(c, &exact);
    assert_true(compare_weights("on purpose, untrained", m, c, exact.tolerance) > 0);
    double found[3] = {1, 2, 3}, wanted[3] = {1, 2, 3};
    assert_int_equal(golden_differences("", "", found, wanted, 3, exact.tolerance), 0);
    found[1] = NAN;
    assert_int_equal(golden_differences("on purpose", "NaN", found, wanted, 3, exact.tolerance), 1);
    found[1] = 2 * (1 + 2e-9);
    assert_int_equal(golden_differences("on purpose", "2e-9", found, wanted, 3, exact.tolerance), 1);
    bp_model_free(m);
}

/* bp_optimizer_defaults against what torch.optim fills in. */
static void test_defaults(void **state)
{
    (void)state;
    json_t *kinds = (json_t *)golden_get(golden, "defaults");
    for (void *k = json_object_iter(kinds); k; k = json_object_iter_next(kinds, k)) {
        bp_optimizer_kind kind;
        golden_ok(bp_optimizer_parse(&kind, json_object_iter_key(k)));
        bp_optimizer_options o = bp_optimizer_defaults(kind);
        json_t *words = json_object_iter_value(k);
        for (void *i = json_object_iter(words); i; i = json_object_iter_next(words, i)) {
            const char *name = json_object_iter_key(i);
            double found = *option_word(&o, name), wanted = json_number_value(json_object_iter_value(i));
            if (!(found == wanted))
                fail_msg("default %s of %s is %g, PyTorch's is %g", name, json_object_iter_key(k), found, wanted);
        }
    }
}

static void test_schedule_factors(void **state)
{
    (void)state;
    const json_t *tables = golden_get(golden, "factors");
    size_t bad = 0;
    for (size_t i = 0; i < json_array_size(tables); i++) {
        const json_t *t = json_array_get(tables, i);
        golden_array wanted = golden_numbers(golden_get(t, "factors"));
        double *found = golden_alloc(wanted.count, sizeof *found);
        bp_schedule schedule;
        golden_ok(bp_schedule_parse(&schedule, golden_text(t, "schedule")));
        for (size_t step = 0; step < wanted.count; step++)
            found[step] = bp_schedule_factor(&schedule, step, golden_size(t, "per_epoch"), wanted.count);
        golden_tolerance tolerance = {1e-12, 1e-3};
        bad += golden_differences(golden_text(t, "schedule"), "factor", found, wanted.v, wanted.count, tolerance);
        free(found);
        free(wanted.v);
    }
    assert_true(json_array_size(tables) > 0);
    assert_int_equal(bad, 0);
}

static int load(void **state)
{
    (void)state;
    golden = golden_load("trajectories.json");
    return 0;
}

static int unload(void **state)
{
    (void)state;
    json_decref(golden);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steps),         cmocka_unit_test(test_steps_unfused),
        cmocka_unit_test(test_steps_threads), cmocka_unit_test(test_steps_f32),
        cmocka_unit_test(test_train),         cmocka_unit_test(test_train_schedules),
        cmocka_unit_test(test_minima),        cmocka_unit_test(test_schedule_factors),
        cmocka_unit_test(test_defaults),      cmocka_unit_test(test_comparison_notices),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
