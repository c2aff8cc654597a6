/* test_onnx_table.c - models of tables as ONNX graphs: their columns are the inputs, whatever they are called. */
#include "support_prepare.h"

#include "support_onnx.h"

/* All names of inputs and values of a graph are different, and every node takes what is there. */
static void check_names(const char *path)
{
    bytes b = read_file(path);
    BpOnnx__Model *m = bp_onnx__model__unpack(NULL, b.size, b.data);
    assert_non_null(m);
    const BpOnnx__Graph *graph = m->graph;
    const char *name[256];
    size_t count = 0;
    for (size_t i = 0; i < graph->n_input; i++) {
        name[count++] = graph->input[i]->name;
    }
    for (size_t i = 0; i < graph->n_initializer; i++) {
        name[count++] = graph->initializer[i]->name;
    }
    for (size_t i = 0; i < graph->n_node; i++) {
        name[count++] = graph->node[i]->output[0];
        assert_true(count < 256);
    }
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < i; k++) {
            if (strcmp(name[i], name[k]) == 0) {
                fail_msg("two values are called %s", name[i]);
            }
        }
    }
    bp_onnx__model__free_unpacked(m, NULL);
    free(b.data);
}

static bp_status export_table(const char *text, const char *target)
{
    const char *targets[] = {target};
    bp_table *t = table(text, true);
    bp_prepare_options o = bp_prepare_defaults();
    o.target = (bp_columns){targets, 1};
    bp_preparation *p = fit(t, &o);
    bp_model_options net = bp_model_defaults();
    bp_model *m;
    net.inputs = bp_preparation_inputs(p);
    net.outputs = bp_preparation_outputs(p);
    net.task = bp_preparation_task(p) == BP_TABLE_CLASSIFY ? BP_CLASSIFY : BP_REGRESS;
    net.net = "dense 3 tanh";
    assert_ok(bp_model_new(&m, &net));
    assert_ok(bp_model_set_preparation(m, p));
    bp_status status = bp_onnx_save(m, in_folder("table.onnx"));
    bp_model_free(m);
    bp_preparation_free(p);
    bp_table_free(t);
    return status;
}

/* Columns may be called as values of the graph would be. */
static void test_column_names(void **state)
{
    (void)state;
    assert_ok(export_table("y:d,Sub_3:d,IsNaN_2:n,constant_5:d,z:d\n1.5,2,3.5,1,9\n2.5,7,1.5,2,8.5\n0.5,3,2.5,4,7\n"
                           "4.5,1,0.5,5,3\n3.25,8,9.5,7,2.5\n",
                           "z"));
    check_names(in_folder("table.onnx"));
    assert_ok(export_table("label:d,probabilities:d,kind:t\n1.5,2,a\n2.5,7,b\n0.5,3,a\n4.5,1,b\n3.25,8,a\n", "kind"));
    check_names(in_folder("table.onnx"));
    bp_status status = export_table("0.weight:d,z:d\n1.5,9\n2.5,8\n0.5,7.5\n4.5,3\n", "z");
    if (status == BP_OK) {
        fail_msg("a column has the name of weights");
    }
    assert_non_null(strstr(bp_error(), "has the name of weights"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_column_names)};
    return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
