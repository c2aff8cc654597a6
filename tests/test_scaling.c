/* test_scaling.c - numbers whose units the network does not see: output scaling in training, answers, measures and files,
 * compared with targets that were scaled by hand; and the text of the preparation that travels with it. */
#include "support_io.h"

#include <math.h>

enum { ROWS = 40, INPUTS = 3, TARGETS = 2 };

static double x[ROWS * INPUTS], y[ROWS * TARGETS], scaled[ROWS * TARGETS];
static const double mean[TARGETS] = {2.5e5, -3}, scale[TARGETS] = {1.2e5, 0.004};

static void make_data(bp_data *raw, bp_data *by_hand)
{
    for (size_t r = 0; r < ROWS; r++) {
        for (size_t c = 0; c < INPUTS; c++) {
            x[r * INPUTS + c] = sin((double)(7 * r + 3 * c + 1));
        }
        scaled[r * TARGETS] = x[r * INPUTS] - 0.5 * x[r * INPUTS + 1];
        scaled[r * TARGETS + 1] = x[r * INPUTS] * x[r * INPUTS + 2];
        for (size_t t = 0; t < TARGETS; t++) {
            y[r * TARGETS + t] = scaled[r * TARGETS + t] * scale[t] + mean[t];
        }
    }
    *raw = (bp_data){.rows = ROWS, .inputs = INPUTS, .x = x, .x_type = BP_F64, .targets = TARGETS, .y = y};
    *by_hand = *raw;
    by_hand->y = scaled;
}

static bp_model *make_model(const char *loss, bp_type type)
{
    bp_model_options o = bp_model_defaults();
    o.inputs = INPUTS;
    o.outputs = TARGETS;
    o.task = BP_REGRESS;
    o.net = "dense 12 tanh";
    o.loss = loss;
    o.type = type;
    bp_model *m;
    assert_ok(bp_model_new(&m, &o));
    return m;
}

static bp_model *make_scaled(const char *loss, bp_type type)
{
    bp_model *m = make_model(loss, type);
    assert_ok(bp_model_set_output_scaling(m, TARGETS, mean, scale));
    return m;
}

static bp_train_result train(bp_model *m, const bp_data *d)
{
    bp_train_options o = bp_train_defaults();
    o.epochs = 30;
    o.batch = 8;
    o.optimizer.lr = 0.01;
    o.valid = d;
    bp_train_result r;
    assert_ok(bp_train(&r, m, d, &o));
    return r;
}

static void near(double a, double b, double tolerance)
{
    if (!(fabs(a - b) <= tolerance * fmax(1, fmax(fabs(a), fabs(b))))) {
        fail_msg("%.17g and %.17g differ by %g", a, b, a - b);
    }
}

static void predict(double *out, const bp_model *m)
{
    bp_predictor *p;
    assert_ok(bp_predictor_new(&p, m, 16, 1));
    assert_ok(bp_predict(p, out, x, BP_F64, ROWS));
    bp_predictor_free(p);
}

/* Losses are those of the targets scaled by hand, answers are in the units of the targets. */
static void training_sees_scaled_targets(void **state)
{
    (void)state;
    const char *losses[] = {"mse", "mae", "huber"};
    for (size_t l = 0; l < sizeof losses / sizeof *losses; l++) {
        bp_data raw, by_hand;
        make_data(&raw, &by_hand);
        bp_model *a = make_scaled(losses[l], BP_F64), *b = make_model(losses[l], BP_F64);
        bp_train_result ra = train(a, &raw), rb = train(b, &by_hand);
        near(ra.last.train_loss, rb.last.train_loss, 1e-9);
        near(ra.last.valid_loss, rb.last.valid_loss, 1e-9);
        double out[2][ROWS * TARGETS], target[TARGETS];
        predict(out[0], a);
        predict(out[1], b);
        for (size_t i = 0; i < ROWS * TARGETS; i++) {
            near(out[0][i], out[1][i] * scale[i % TARGETS] + mean[i % TARGETS], 1e-9);
        }
        bp_model_encode(a, target, &raw, 5);
        near(target[0], scaled[5 * TARGETS], 1e-12);
        near(target[1], scaled[5 * TARGETS + 1], 1e-12);
        bp_model_free(a);
        bp_model_free(b);
    }
}

/* rmse, mae and r2 from the answers themselves, exactly, in both types. */
static void measures_are_in_original_units(void **state)
{
    (void)state;
    for (bp_type type = BP_F32; type <= BP_F64; type++) {
        bp_data raw, by_hand;
        make_data(&raw, &by_hand);
        bp_model *m = make_scaled(NULL, type);
        train(m, &raw);
        double out[ROWS * TARGETS];
        float narrow[ROWS * TARGETS];
        bp_predictor *p;
        assert_ok(bp_predictor_new(&p, m, 16, 1));
        assert_ok(bp_predict(p, type == BP_F64 ? (void *)out : narrow, x, BP_F64, ROWS));
        double square = 0, distance = 0, spread = 0, average[TARGETS] = {0};
        for (size_t i = 0; i < ROWS * TARGETS; i++) {
            double d = (type == BP_F64 ? out[i] : (double)narrow[i]) - y[i];
            square += d * d;
            distance += fabs(d);
            average[i % TARGETS] += y[i] / ROWS;
        }
        for (size_t i = 0; i < ROWS * TARGETS; i++) {
            spread += (y[i] - average[i % TARGETS]) * (y[i] - average[i % TARGETS]);
        }
        bp_evaluation *e;
        assert_ok(bp_evaluate(&e, m, &raw, 1));
        near(e->rmse, sqrt(square / (ROWS * TARGETS)), 1e-12);
        near(e->mae, distance / (ROWS * TARGETS), 1e-12);
        near(e->r2, 1 - square / spread, 1e-12);
        assert_true(e->rmse > 1000 && e->loss < 1);
        bp_evaluation_free(e);
        bp_predictor_free(p);
        bp_model_free(m);
    }
}

static void assert_same_extras(const bp_model *a, const bp_model *b)
{
    const double *m[2], *s[2];
    assert_int_equal(bp_model_output_scaling(a, &m[0], &s[0]), TARGETS);
    assert_int_equal(bp_model_output_scaling(b, &m[1], &s[1]), TARGETS);
    assert_memory_equal(m[0], m[1], sizeof mean);
    assert_memory_equal(s[0], s[1], sizeof scale);
    assert_string_equal(bp_model_preparation_text(a), bp_model_preparation_text(b));
    double out[2][ROWS * TARGETS];
    predict(out[0], a);
    predict(out[1], b);
    assert_memory_equal(out[0], out[1], sizeof out[0]);
}

static bool file_says(const char *path, const char *text)
{
    bytes b = read_file(path);
    bool found = false;
    for (size_t at = 0, n = strlen(text); at + n <= b.size && !found; at++) {
        found = memcmp(b.data + at, text, n) == 0;
    }
    free(b.data);
    return found;
}

/* Copies and files carry both. A file has version 2 only where an older reader would answer wrongly. */
static void copies_and_files_keep_them(void **state)
{
    (void)state;
    static const char text[] = "{\"columns\":[{\"name\":\"prix \xE2\x82\xAC\"}]}";
    bp_data raw, by_hand;
    make_data(&raw, &by_hand);
    bp_model *m = make_scaled(NULL, BP_F64), *copy, *loaded, *plain = make_model(NULL, BP_F64);
    assert_null(bp_model_preparation_text(m));
    assert_ok(bp_model_set_preparation_text(m, "something else"));
    assert_ok(bp_model_set_preparation_text(m, text));
    assert_string_equal(bp_model_preparation_text(m), text);
    assert_ok(bp_model_copy(&copy, m, NULL));
    assert_same_extras(m, copy);
    assert_ok(bp_model_save(m, in_folder("scaled.safetensors")));
    assert_ok(bp_model_load(&loaded, in_folder("scaled.safetensors"), NULL));
    assert_same_extras(m, loaded);
    assert_ok(bp_model_set_preparation_text(plain, text));
    assert_ok(bp_model_save(plain, in_folder("plain.safetensors")));
    assert_true(file_says(in_folder("scaled.safetensors"), "\"format_version\":\"2\""));
    assert_true(file_says(in_folder("plain.safetensors"), "\"format_version\":\"1\""));
    assert_ok(bp_model_set_preparation_text(loaded, NULL));
    assert_null(bp_model_preparation_text(loaded));
    assert_ok(bp_model_set_output_scaling(loaded, 0, NULL, NULL));
    const double *none[2];
    assert_int_equal(bp_model_output_scaling(loaded, &none[0], &none[1]), 0);
    bp_model_free(m);
    bp_model_free(copy);
    bp_model_free(loaded);
    bp_model_free(plain);
}

static void scalings_that_are_refused(void **state)
{
    (void)state;
    const double zero[TARGETS] = {1, 0}, infinite[TARGETS] = {1, INFINITY};
    bp_model *m = make_scaled(NULL, BP_F32);
    assert_error(bp_model_set_output_scaling(m, 1, mean, scale), BP_ERR_ARGUMENT, "expected 0 or 2");
    assert_error(bp_model_set_output_scaling(m, 2, mean, zero), BP_ERR_ARGUMENT, "output scaling 1 has scale 0");
    assert_error(bp_model_set_output_scaling(m, 2, infinite, scale), BP_ERR_ARGUMENT, "expected finite numbers");
    const double *was[2];
    assert_int_equal(bp_model_output_scaling(m, &was[0], &was[1]), TARGETS);
    assert_memory_equal(was[0], mean, sizeof mean);
    bp_model_free(m);
    m = make_model("bce", BP_F32);
    assert_error(bp_model_set_output_scaling(m, 2, mean, scale), BP_ERR_ARGUMENT, "probabilities (loss bce)");
    assert_ok(bp_model_set_output_scaling(m, 0, NULL, NULL));
    bp_model_free(m);
    bp_model_options o = bp_model_defaults();
    o.inputs = 3;
    o.outputs = 2;
    assert_ok(bp_model_new(&m, &o));
    assert_error(bp_model_set_output_scaling(m, 2, mean, scale), BP_ERR_ARGUMENT, "answers with classes");
    bp_model_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(training_sees_scaled_targets),
        cmocka_unit_test(measures_are_in_original_units),
        cmocka_unit_test(copies_and_files_keep_them),
        cmocka_unit_test(scalings_that_are_refused),
    };
    return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
