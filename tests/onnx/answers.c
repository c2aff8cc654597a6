/* answers.c - what an imported model answers:
 *   answers FILE [TASK] <INPUTS     numbers, a row of inputs each; prints the numbers of the answers, a row each */
#include <stdio.h>
#include <stdlib.h>

#include "backprop/io.h"

static void need(bp_status status)
{
    if (status != BP_OK) {
        fprintf(stderr, "%s\n", bp_error());
        exit(1);
    }
}

int main(int count, char **words)
{
    bp_model *m;
    bp_predictor *p;
    bp_import_options how = bp_import_defaults();
    how.task = count > 2 ? words[2] : NULL;
    need(bp_model_import(&m, count > 1 ? words[1] : "", &how));
    bp_model_options o = bp_model_describe(m);
    double *x = calloc(o.inputs, sizeof *x), *wide = calloc(o.outputs, sizeof *wide);
    float *narrow = calloc(o.outputs, sizeof *narrow);
    need(bp_predictor_new(&p, m, 1, 1));
    for (size_t i = 0; scanf("%lf", &x[i]) == 1; i = (i + 1) % o.inputs) {
        if (i + 1 < o.inputs) {
            continue;
        }
        need(bp_predict(p, o.type == BP_F32 ? (void *)narrow : (void *)wide, x, BP_F64, 1));
        for (size_t k = 0; k < o.outputs; k++) {
            printf("%.17g%s", o.type == BP_F32 ? (double)narrow[k] : wide[k], k + 1 < o.outputs ? " " : "\n");
        }
    }
    bp_predictor_free(p);
    bp_model_free(m);
    free(x);
    free(wide);
    free(narrow);
    return 0;
}
