/* test_format_doc.c - the reader in docs/formats.md, taken from the page and run on a model file. Skipped where there is
 * no Python. */
#include "support_io.h"

/* The first block of Python on the page. */
static void extract_snippet(const char *to)
{
    bytes page = read_file(BP_SOURCE_DIR "/docs/formats.md");
    page.data[page.size] = '\0';
    char *begin = strstr((char *)page.data, "```python\n");
    assert_non_null(begin);
    begin += strlen("```python\n");
    char *end = strstr(begin, "```");
    assert_non_null(end);
    write_file(to, begin, (size_t)(end - begin));
    free(page.data);
}

static void test_python_reader(void **state)
{
    (void)state;
    if (system("python3 -c '' 2>/dev/null") != 0) {
        skip();
    }
    bp_model_options o = bp_model_defaults();
    o.inputs = 2;
    o.outputs = 3;
    o.net = "dense 2 tanh";
    bp_model *m;
    assert_ok(bp_model_new(&m, &o));
    const double w[4] = {1, 2, 3, 4};
    assert_ok(bp_param_set(bp_graph_find(bp_model_graph(m), "0.weight"), w)); /* [in, out] */
    assert_ok(bp_model_save(m, in_folder("model.safetensors")));
    bp_model_free(m);
    extract_snippet(in_folder("reader.py"));
    char command[1024];
    snprintf(command, sizeof command,
             "cd %s && PYTHONDONTWRITEBYTECODE=1 python3 -c \""
             "from reader import read_model; m, t = read_model('model.safetensors'); "
             "assert m['net'] == 'dense 2 tanh', m; "
             "assert list(t) == ['0.weight', '0.bias', '2.weight', '2.bias'], t; "
             "assert t['0.weight'] == ([2, 2], (1, 3, 2, 4)), t; " /* [out, in] */
             "assert t['2.weight'][0] == [3, 2] and len(t['2.bias'][1]) == 3, t\"",
             folder);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_python_reader)};
    return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
