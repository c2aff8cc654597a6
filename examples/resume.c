/* resume.c - a run that is interrupted and goes on. Three runs on the same data: one is left alone; one ends after 700 steps,
 * as a crash or Ctrl-C would end it, but leaves checkpoints in the folder resume-run; one goes on from there, and has the same
 * weights in the end, bit for bit. */
#include <backprop/io.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void must(bp_status status)
{
    if (status != BP_OK) {
        fprintf(stderr, "%s\n", bp_error());
        exit(1);
    }
}

static bp_model *new_model(const bp_data *data)
{
    bp_model_options o = bp_model_defaults();
    bp_model *m;
    o.inputs = data->inputs;
    o.outputs = data->classes;
    o.net = "dense 32 relu, dense 16 relu";
    must(bp_model_new(&m, &o));
    return m;
}

static bool power_cut(void *ctx, const bp_progress *p)
{
    (void)ctx;
    return p->step < 700;
}

/* A checkpoint that could not be written: the run goes on, and the ones before are still there. */
static bool tell(void *ctx, const char *path, bp_status status)
{
    (void)ctx;
    if (status != BP_OK) {
        fprintf(stderr, "%s: %s\n", path, bp_error());
    }
    return true;
}

static void train_with_checkpoints(bp_model *m, const bp_data *data, bp_train_options run, bool goes_on)
{
    bp_checkpoint_options how = bp_checkpoint_defaults();
    bp_checkpoints *c;
    how.dir = "resume-run";
    how.resume = goes_on ? how.dir : NULL;
    how.every = "100 steps";
    how.on_written = tell;
    must(bp_checkpoints_open(&c, m, data, &run, &how));
    bp_checkpoints_attach(&run, c);
    if (bp_checkpoints_resumed(c) != NULL) {
        printf("going on from %s\n", bp_checkpoints_resumed(c)->path);
    }
    must(bp_train(NULL, m, data, &run));
    printf("the newest checkpoint is %s\n", bp_checkpoints_newest(c));
    bp_checkpoints_close(c);
}

int main(void)
{
    bp_dataset *spirals;
    must(bp_dataset_load(&spirals, "spirals", NULL));
    const bp_data *data = &spirals->train;
    bp_model *alone = new_model(data), *cut = new_model(data), *resumed = new_model(data);
    bp_train_options run = bp_train_defaults();
    run.epochs = 40;
    must(bp_train(NULL, alone, data, &run));

    if (system("rm -rf resume-run") != 0) { /* of the last time that this was run */
        return 1;
    }
    bp_train_options short_run = run;
    short_run.on_step = power_cut;
    train_with_checkpoints(cut, data, short_run, false);
    run.threads = 2; /* even with other threads */
    train_with_checkpoints(resumed, data, run, true);

    bool same = true;
    for (size_t i = 0; i < bp_graph_params(bp_model_graph(alone)); i++) {
        const bp_node *a = bp_graph_param(bp_model_graph(alone), i), *b = bp_graph_param(bp_model_graph(resumed), i);
        same = same && memcmp(bp_param_values(a), bp_param_values(b), bp_node_size(a) * sizeof(float)) == 0;
    }
    printf("weights of both runs: %s\n", same ? "the same bits" : "different");
    bp_model_free(alone);
    bp_model_free(cut);
    bp_model_free(resumed);
    bp_dataset_free(spirals);
    return same ? 0 : 1;
}
