/* fuzz_checkpoint.c - states of runs. The checksum at the end is made right, since no other file gets past it; what can be
 * loaded can be saved, and a run goes on from it or refuses to. */
#include "input.h"

#include <backprop/io.h>

#include "base/hash.h"

enum { ROWS = 6, INPUTS = 2, CHECKSUM_BYTES = 8 };

/* The run of the examples: as small as a run can be. */
static bp_model *make_model(void)
{
    bp_model_options o = bp_model_defaults();
    bp_model *m;
    o.inputs = INPUTS;
    o.outputs = 1;
    o.task = BP_REGRESS;
    o.net = "dense 2 tanh";
    o.type = BP_F64;
    input_demand(bp_model_new(&m, &o) == BP_OK, "bp_model_new");
    return m;
}

static void go_on(const bp_state *state, bp_optimizer_kind kind)
{
    static const double x[ROWS * INPUTS] = {0, 0, 0, 1, 1, 0, 1, 1, 0.5, 0.5, 2, 2}, y[ROWS] = {0, 1, 1, 0, 0.5, 2};
    bp_data data = {.rows = ROWS, .inputs = INPUTS, .x = x, .x_type = BP_F64, .targets = 1, .y = y};
    bp_model *m = make_model();
    bp_train_options o = bp_train_defaults();
    o.epochs = 6;
    o.batch = 4;
    o.threads = 1;
    o.restore_best = true;
    o.optimizer = bp_optimizer_defaults(kind);
    o.resume = state;
    bp_status status = bp_train(NULL, m, &data, &o);
    if (status != BP_OK && !*bp_error()) {
        abort();
    }
    bp_model_free(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *right = malloc(size + 1);
    input_demand(right, "malloc");
    memcpy(right, data, size);
    if (size >= CHECKSUM_BYTES) {
        bp_hash h = bp_hash_new();
        bp_hash_add(&h, data, size - CHECKSUM_BYTES);
        uint64_t value = bp_hash_value(&h);
        for (size_t i = 0; i < CHECKSUM_BYTES; i++) {
            right[size - CHECKSUM_BYTES + i] = (uint8_t)(value >> 8 * i);
        }
    }
    bp_saved_state *s;
    bp_status status = bp_state_load(&s, input_path(right, size), NULL);
    free(right);
    if (status != BP_OK) {
        if (s || !*bp_error()) {
            abort();
        }
        return 0;
    }
    if (bp_state_save(&s->state, s->note, "/dev/null") != BP_OK) {
        abort();
    }
    const bp_optimizer_kind kinds[] = {BP_ADAM, BP_LBFGS, BP_RPROP};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        go_on(&s->state, kinds[i]);
    }
    bp_saved_state_free(s);
    return 0;
}
