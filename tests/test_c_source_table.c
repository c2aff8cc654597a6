/* test_c_source_table.c - models of tables as C source: rows of a struct in, the inputs and answers of the library out. */
#include "support_prepare.h"

#include "support_c_source.h"

/* ---- a model of a table ------------------------------------------------------------------------------------------ */

/* Fits a preparation to the first rows of t, and a network with any weights to it. */
static bp_model *model_of(const bp_table *t, const bp_prepare_options *o, bp_type type)
{
    bp_preparation *p = fit(t, o);
    bp_model_options m = bp_model_defaults();
    bp_model *model;
    m.inputs = bp_preparation_inputs(p);
    m.outputs = bp_preparation_outputs(p);
    m.task = bp_preparation_task(p) == BP_TABLE_CLASSIFY ? BP_CLASSIFY : BP_REGRESS;
    m.net = "dense 6 tanh";
    m.init = "normal:0.4";
    m.type = type;
    assert_ok(bp_model_new(&model, &m));
    assert_ok(bp_model_set_preparation(model, p));
    if (m.task == BP_REGRESS) {
        double mean[8], deviation[8];
        for (size_t i = 0; i < m.outputs; i++) {
            bp_preparation_target(p, i, &mean[i], &deviation[i]);
        }
        assert_ok(bp_model_set_output_scaling(model, m.outputs, mean, deviation));
    }
    bp_preparation_free(p);
    return model;
}

/* The fields of one row as statements; field i is column i of t, under the name field[i]. */
static void print_row(FILE *f, const bp_table *t, size_t row, const char *const *field)
{
    fprintf(f, "    {\n        m_row r;\n");
    for (size_t c = 0; field[c]; c++) {
        bp_column_info info = bp_table_column(t, c);
        double value = info.kind == BP_COLUMN_TEXT ? 0 : bp_table_number(t, row, c);
        if (!*field[c]) {
            continue; /* not used */
        }
        if (info.kind == BP_COLUMN_TEXT) {
            const char *text = bp_table_text(t, row, c);
            fprintf(f, "        r.%s = m_%s_level(\"%s\");\n", field[c], field[c], text ? text : "");
        } else if (isnan(value)) {
            fprintf(f, "        r.%s = NAN;\n", field[c]);
        } else {
            fprintf(f, "        r.%s = (%s)%.17g;\n", field[c], info.type == BP_F32 ? "float" : "double", value);
        }
    }
    fprintf(f,
            "        code = m_prepare(x, &r);\n        m_predict(y, x, scratch);\n        x[0] += (code != 0) * 1000;\n"
            "        fwrite(x, sizeof x, 1, out);\n        fwrite(y, sizeof y, 1, out);\n    }\n");
}

static void run_rows(const bp_table *t, const char *const *field, bp_type type)
{
    char *body = NULL;
    size_t size;
    FILE *f = open_memstream(&body, &size);
    fprintf(f, "    int code;\n");
    for (size_t r = 0; r < bp_table_rows(t); r++) {
        print_row(f, t, r, field);
    }
    fclose(f);
    run_program(type, body);
    free(body);
}

/* The program's inputs are the library's, bit for bit but for libm's functions; its answers, too, but for rounding. */
static void compare_rows(const bp_model *m, const bp_table *t, bp_type type, double tolerance)
{
    bp_preparation *p;
    assert_ok(bp_model_preparation(&p, m));
    bp_dataset *d = apply(p, t, false, NULL);
    bytes answers = read_file(in_folder("answers"));
    size_t inputs = d->train.inputs, outputs = bp_model_describe(m).outputs, each = inputs + outputs;
    assert_int_equal(d->train.rows, bp_table_rows(t));
    double y[64], size = 1;
    for (size_t r = 0; r < d->train.rows; r++) {
        for (size_t i = 0; i < inputs; i++) {
            double off = fabs(number_in(&answers, type, r * each + i) - input(d, r, i));
            if (!(off <= 2e-7 * fmax(1, fabs(input(d, r, i))))) {
                fail_msg("row %zu, input %zu: %.9g, not %.9g", r, i, number_in(&answers, type, r * each + i),
                         input(d, r, i));
            }
        }
        library_answer(y, m, &d->train, r);
        for (size_t j = 0; j < outputs; j++) {
            size = fmax(size, fabs(y[j]));
            assert_true(fabs(number_in(&answers, type, r * each + inputs + j) - y[j]) <= tolerance * size);
        }
    }
    free(answers.data);
    bp_dataset_free(d);
    bp_preparation_free(p);
}

static void check_table(const char *train, const char *use, const char *const *field, const bp_prepare_options *o)
{
    static const bp_type types[][2] = {{BP_F32, BP_F32}, {BP_F64, BP_F64}};
    bp_table *t = table(train, true), *u = table(use, true);
    for (size_t i = 0; i < 2; i++) {
        bp_model *m = model_of(t, o, types[i][0]);
        export_model(m, types[i][1], NULL);
        run_self_test();
        run_rows(u, field, types[i][1]);
        compare_rows(m, u, types[i][1], i ? 1e-6 : 3e-6);
        bp_model_free(m);
    }
    bp_table_free(t);
    bp_table_free(u);
}

/* ---- kinds of columns -------------------------------------------------------------------------------------------- */

/* Numbers with holes, yes and no, categories with rare and missing levels, names that are no names in C. */
static void test_columns(void **state)
{
    (void)state;
    static const char *const field[] = {"Age_years", "int_", "x2nd", "sex", "port", "Age_years_2", NULL};
    bp_prepare_options o = bp_prepare_defaults();
    o.min_count = 2;
    check_table(
        "Age (years):n,int:d,2nd:n,sex:t,port:t,Age-years:t,y:t\n"
        "22,1.5,1,male,S,a,no\n38,,0,female,C,b,yes\n,2.25,1,female,S,c,yes\n35,7.125,0,male,Q,c,no\n"
        "1e6,3,1,male,,b,no\n54,-9,0,,S,b,yes\n2,0.1,1,female,Z,a,no\n27,11,0,male,Q,a,yes\n14,12,1,female,C,b,no\n",
        "Age (years):n,int:d,2nd:n,sex:t,port:t,Age-years:t\n"
        "22,1.5,1,male,S,a\n,,0,female,Q,zzz\n-1e9,2.25,,,,\n35.5,1e300,1,other,Z,b\n0.1,0.1,0,female,new,c\n",
        field, &o);
}

/* Constants and fields that would be others', or macros: a level that is called other, "test" with "main", NAN. */
static void test_names(void **state)
{
    (void)state;
    static const char *const field[] = {"c", "NAN_", "test", "c_other", NULL};
    bp_prepare_options o = bp_prepare_defaults();
    o.min_count = 1;
    check_table(
        "c:t,NAN:n,test:t,c */ other /*:t,y:t\nOther,1.5,main,x,no\nother,2,x,y,yes\nx,3,z,z,no\nOther,4,main,x,yes\n"
        "other,5,x,y,no\nx,6,z,z,yes\n",
        "c:t,NAN:n,test:t,c */ other /*:t\nOther,1,main,x\nother,,x,z\nx,2,z,w\nnew,3,,y\n", field, &o);
}

static void test_dates(void **state)
{
    (void)state;
    static const char *const field[] = {"when", "a", NULL};
    check_table("when:s,a:n,y:n\n0,1,5\n86400,2,6\n1e9,3,7\n1.5e9,4,8\n1.6e9,5,9\n1700000000.5,6,10\n,7,11\n",
                "when:s,a:n\n1234567890,3\n-5e9,3\n4e9,\n,2\n951782400,2\n1709251199,1\n", field, NULL);
}

/* The three maps of numbers, several targets. */
static void test_scales(void **state)
{
    (void)state;
    static const char *const field[] = {"a", "b", NULL};
    char train[8000] = "a:d,b:n,y:n,z:n\n", use[2000] = "a:d,b:n\n";
    size_t n = strlen(train), u = strlen(use);
    for (int i = 0; i < 300; i++) {
        n += (size_t)snprintf(train + n, sizeof train - n, "%d,%g,%d,%d\n", i * i * i % 1009, exp(i % 17), i,
                              -i * i % 7);
    }
    for (int i = -20; i < 60; i++) {
        u += (size_t)snprintf(use + u, sizeof use - u, "%g,%g\n", 40.3 * i, exp(i * 0.4));
    }
    static const char *const targets[] = {"y", "z"};
    for (int rule = 0; rule < BP_NUMBERS_RULES; rule++) {
        bp_prepare_options o = bp_prepare_defaults();
        o.target = (bp_columns){targets, 2};
        o.task = BP_TABLE_REGRESS;
        o.numbers = (bp_numbers_rule)rule;
        check_table(train, use, field, &o);
    }
}

/* A model that answers only complete rows says which field is missing. */
static void test_incomplete_rows(void **state)
{
    (void)state;
    bp_prepare_options o = bp_prepare_defaults();
    o.missing = BP_MISSING_DROP;
    bp_table *t = table("a:n,b:t,y:t\n1,u,no\n2,v,yes\n3,w,no\n4,u,yes\n,v,no\n", true);
    bp_model *m = model_of(t, &o, BP_F32);
    export_model(m, BP_F32, NULL);
    run_self_test();
    run_program(BP_F32,
                "    m_row full = {1, M_B_U}, half = {NAN, M_B_U}, rest = {1, M_MISSING};\n    (void)y;\n"
                "    (void)scratch;\n    fprintf(out, \"%d%d%d %d %s\", m_prepare(x, &full), m_prepare(x, &half),\n"
                "            m_prepare(x, &rest), m_b_level(NULL), m_class(1));\n");
    bytes answers = read_file(in_folder("answers"));
    answers.data[answers.size] = '\0';
    assert_string_equal((char *)answers.data, "012 -1 yes");
    free(answers.data);
    bp_model_free(m);
    bp_table_free(t);
}

/* Seconds of a date, and names of targets. */
static void test_seconds(void **state)
{
    (void)state;
    bp_table *t = table("when:s,y:n\n0,1\n1e8,2\n2e8,4\n3e8,5\n", true);
    bp_prepare_options o = bp_prepare_defaults();
    o.task = BP_TABLE_REGRESS;
    bp_model *m = model_of(t, &o, BP_F32);
    export_model(m, BP_F32, NULL);
    run_program(
        BP_F32,
        "    (void)x;\n    (void)y;\n    (void)scratch;\n"
        "    fprintf(out, \"%.0f %.0f %.1f %s\", m_seconds(1970, 1, 1, 0, 0, 0),\n"
        "            m_seconds(2000, 2, 29, 12, 30, 15), m_seconds(1969, 12, 31, 23, 59, 59.5), m_target(0));\n");
    bytes answers = read_file(in_folder("answers"));
    answers.data[answers.size] = '\0';
    assert_string_equal((char *)answers.data, "0 951827415 -0.5 y");
    free(answers.data);
    bp_model_free(m);
    bp_table_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_columns), cmocka_unit_test(test_names),           cmocka_unit_test(test_dates),
        cmocka_unit_test(test_scales),  cmocka_unit_test(test_incomplete_rows), cmocka_unit_test(test_seconds),
    };
    return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
