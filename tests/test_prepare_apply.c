/* test_prepare_apply.c - preparations and other tables: columns found again, targets and classes, rules for missing values,
 * damaged descriptions, models, memory that runs out, real files. */
#include "support_prepare.h"

/* ---- Targets ----------------------------------------------------------------------------------------------------- */

static bp_table_task task_of(const char *content, const char *const *target, size_t targets)
{
    bp_table *t = table(content, true);
    bp_prepare_options o = bp_prepare_defaults();
    o.target = (bp_columns){target, targets};
    bp_preparation *p = fit(t, &o);
    bp_table_task task = bp_preparation_task(p);
    bp_preparation_free(p);
    bp_table_free(t);
    return task;
}

/* x and k columns, `each` rows of each of the whole numbers 0 .. classes-1 in k. */
static bp_table_task task_of_numbers(size_t classes, size_t each)
{
    char *content = malloc(classes * each * 24 + 64), *at = content;
    assert_non_null(content);
    at += sprintf(at, "x:n,k:n\n");
    for (size_t i = 0; i < classes * each; i++) {
        at += sprintf(at, "%zu,%zu\n", i, i % classes);
    }
    bp_table_task task = task_of(content, NULL, 0);
    free(content);
    return task;
}

static void test_task(void **state)
{
    (void)state;
    static const char *const two[] = {"a", "b"};
    assert_int_equal(task_of("x:n,k:t\n1,a\n2,b\n3,c\n", NULL, 0), BP_TABLE_CLASSIFY);
    assert_int_equal(task_of("x:n,k:n\n1,0.5\n2,7\n3,0.5\n", NULL, 0), BP_TABLE_CLASSIFY); /* two values */
    assert_int_equal(task_of("x:n,k:n\n1,0.5\n2,7\n3,1.5\n", NULL, 0), BP_TABLE_REGRESS);
    assert_int_equal(task_of_numbers(20, 10), BP_TABLE_CLASSIFY);
    assert_int_equal(task_of_numbers(21, 10), BP_TABLE_REGRESS); /* too many */
    assert_int_equal(task_of_numbers(20, 9), BP_TABLE_REGRESS);  /* too few rows each */
    assert_int_equal(task_of("x:n,a:n,b:t\n1,0,no\n2,1,yes\n3,0,no\n", two, 2), BP_TABLE_MULTILABEL);
    assert_int_equal(task_of("x:n,a:n,b:n\n1,0,1\n2,1,2\n3,0,3\n", two, 2), BP_TABLE_REGRESS);
}

static void test_classes_that_occur(void **state)
{
    (void)state;
    static const uint32_t row[] = {0, 1, 3};
    bp_table *t = table("x:n,c:t,k:t\n1,p,a\n2,q,b\n3,r,c\n4,p,a\n", true);
    bp_prepare_options o = bp_prepare_defaults();
    bp_preparation *p;
    assert_ok(bp_preparation_fit(&p, t, row, 3, &o)); /* neither the class nor the level of row 2 */
    assert_int_equal(bp_preparation_outputs(p), 2);
    assert_int_equal(bp_preparation_inputs(p), 2);
    bp_preparation_free(p);
    bp_table_free(t);
}

static void test_classes(void **state)
{
    (void)state;
    bp_table *t = table("x:n,k:n\n1,10\n2,9\n3,-1\n4,10\n5,\n", true);
    bp_prepare_options o = bp_prepare_defaults();
    o.task = BP_TABLE_CLASSIFY;
    bp_preparation *p = fit(t, &o);
    static const char *const names[] = {"-1", "9", "10"};
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(bp_preparation_class(p, i), names[i]);
    }
    assert_null(bp_preparation_class(p, 3));
    bp_prepare_report report;
    bp_dataset *d = apply(p, t, true, &report);
    assert_int_equal(report.dropped, 1);
    assert_true(d->train.label[0] == 2 && d->train.label[1] == 1 && d->train.label[2] == 0 && d->train.classes == 3);
    bp_dataset_free(d);
    bp_table *other = table("x:n,k:t\n1,10.0\n2,09\n3,-1\n", true); /* the same numbers */
    d = apply(p, other, true, &report);
    assert_true(d->train.label[0] == 2 && d->train.label[1] == 1 && report.alike == 0);
    bp_dataset_free(d);
    bp_table_free(other);
    bp_preparation_free(p);
    bp_table_free(t);

    t = table("x:n,k:t\n1,>50K\n2,<=50K\n3,<=50K\n", true);
    p = fit(t, NULL);
    assert_string_equal(bp_preparation_class(p, 0), "<=50K");
    other = table("x:n,k:t\n1,>50K.\n2, <=50k\n3,<=50K\n", true);
    d = apply(p, other, true, &report);
    assert_int_equal(report.alike, 2);
    assert_true(d->train.label[0] == 1 && d->train.label[1] == 0 && d->train.label[2] == 0);
    bp_dataset_free(d);
    bp_table_free(other);
    other = table("x:n,k:t\n1,>50K\n2,50K\n", true);
    assert_error(bp_preparation_apply(&d, p, other, NULL, 0, true, NULL, NULL), BP_ERR_DATA, "\"50K\" in row 2");
    bp_table_free(other);
    bp_preparation_free(p);
    bp_table_free(t);
}

static void test_labels(void **state)
{
    (void)state;
    static const char *const two[] = {"b", "a"};
    bp_table *t = table("a:n,x:n,b:t\n0,1,no\n1,2,Yes\n0,3,no\n", true);
    bp_prepare_options o = bp_prepare_defaults();
    o.target = (bp_columns){two, 2};
    bp_preparation *p = fit(t, &o);
    assert_int_equal(bp_preparation_outputs(p), 2);
    assert_string_equal(bp_preparation_class(p, 0), "b");
    bp_dataset *d = apply(p, t, true, NULL);
    assert_int_equal(d->train.targets, 2);
    const double y[6] = {0, 0, 1, 1, 0, 0};
    assert_memory_equal(d->train.y, y, sizeof y);
    bp_dataset_free(d);
    bp_preparation_free(p);
    bp_table_free(t);
    t = table("a:n,x:n,b:t\n0,1,no\n1,2,maybe\n0,3,no\n", true);
    o.task = BP_TABLE_MULTILABEL;
    assert_error(bp_preparation_fit(&p, t, NULL, 0, &o), BP_ERR_DATA, "maybe");
    o.task = BP_TABLE_CLASSIFY;
    assert_error(bp_preparation_fit(&p, t, NULL, 0, &o), BP_ERR_ARGUMENT, "multilabel");
    bp_table_free(t);
}

static void test_hopeless_targets(void **state)
{
    (void)state;
    static const struct {
        const char *content, *mention;
        bp_table_task task;
    } bad[] = {
        {"x:n,y:n\n1,5\n2,5\n", "nothing to learn", BP_TABLE_REGRESS},
        {"x:n,y:t\n1,a\n2,a\n", "nothing to learn", BP_TABLE_AUTO},
        {"x:n,y:t\n1,1.5\n2,b\n", "row 2 has the text \"b\"", BP_TABLE_REGRESS},
        {"x:n,y:n\n1,\n2,\n", "can be used", BP_TABLE_AUTO},
        {"x:n,y:s\n1,0\n2,5\n", "dates", BP_TABLE_AUTO},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        bp_table *t = table(bad[i].content, true);
        bp_prepare_options o = bp_prepare_defaults();
        bp_preparation *p;
        o.task = bad[i].task;
        assert_error(bp_preparation_fit(&p, t, NULL, 0, &o), BP_ERR_DATA, bad[i].mention);
        bp_table_free(t);
    }
}

/* ---- Columns ----------------------------------------------------------------------------------------------------- */

static const char *const training = "a:n,b:t,w:n,y:n,c:n\n1,u,1,0.5,10\n2,v,1,1.5,20\n3,w,1,2.5,40\n";

static bp_preparation *fit_columns(bool header)
{
    bp_table *t = table(training, header);
    bp_prepare_options o = bp_prepare_defaults();
    o.target = (bp_columns){(const char *const[]){"4"}, 1};
    o.weight = "3";
    bp_preparation *p = fit(t, &o);
    bp_table_free(t);
    return p;
}

/* Whether the rows of `content` are prepared as "3,w,...,40" was: a, c, b=w */
static void check_columns(const bp_preparation *p, const char *content, bool header)
{
    bp_table *t = table(content, header);
    bp_dataset *d = apply(p, t, false, NULL);
    double dev_a = sqrt(2.0 / 3), mean_c = 70.0 / 3, dev_c = sqrt((1600 + 400 + 100) / 3.0 - mean_c * mean_c);
    assert_int_equal(d->train.inputs, 5);
    assert_close(input(d, 0, 0), 1 / dev_a);
    assert_close(input(d, 0, 1), (40 - mean_c) / dev_c);
    assert_true(input(d, 0, 4) == 1);
    bp_dataset_free(d);
    bp_table_free(t);
}

static void test_columns(void **state)
{
    (void)state;
    bp_preparation *p = fit_columns(true);
    check_columns(p, "c:n,more:t,b:t,a:n\n40,?,w,3\n", true);
    check_columns(p, "c1:n,c2:t,c3:n,c4:n,c5:n\n3,w,1,0,40\n", false);
    check_columns(p, "c1:n,c2:t,c3:n,c4:n\n3,w,1,40\n", false); /* without the target */
    check_columns(p, "c1:n,c2:t,c3:n\n3,w,40\n", false);        /* and without the weight */
    bp_table *t = table("b:t,z:n\nw,1\n", true);
    bp_dataset *d;
    assert_error(bp_preparation_apply(&d, p, t, NULL, 0, false, NULL, NULL), BP_ERR_DATA,
                 "lacks 2 columns that the model needs: \"a\", \"c\"");
    assert_error(bp_preparation_apply(&d, p, t, NULL, 0, true, NULL, NULL), BP_ERR_DATA, "\"y\", \"w\"");
    bp_table_free(t);
    t = table("c:n,b:t,a:n\n40,w,3\n", true);
    t->rows = (size_t)UINT32_MAX + 1; /* only claimed: their numbers would be cut off */
    assert_error(bp_preparation_apply(&d, p, t, NULL, 0, false, NULL, NULL), BP_ERR_UNSUPPORTED, "4294967296 rows");
    bp_table_free(t);
    t = table("b:t,z:n\nw,1\n", false);
    assert_error(bp_preparation_apply(&d, p, t, NULL, 0, false, NULL, NULL), BP_ERR_DATA, "2 columns");
    bp_table_free(t);
    bp_preparation_free(p);
    p = fit_columns(false);
    check_columns(p, "c1:n,c2:t,c3:n,c4:n,c5:n\n3,w,1,0,40\n", true);
    bp_preparation_free(p);
}

static void expect_names(const char *const *name, size_t count, const char *expected)
{
    char list[64] = "";
    for (size_t i = 0; i < count; i++) {
        strcat(strcat(list, name[i]), " ");
    }
    assert_string_equal(list, expected);
}

static void test_reading(void **state)
{
    (void)state;
    bp_preparation *p = fit_columns(true);
    bp_table_options o = bp_preparation_reading(p, false);
    expect_names(o.number, o.number_count, "a c ");
    expect_names(o.text, o.text_count, "b ");
    o = bp_preparation_reading(p, true);
    expect_names(o.number, o.number_count, "a c y w ");
    o = bp_preparation_reading_unnamed(p, 5, false);
    expect_names(o.number, o.number_count, "1 5 ");
    o = bp_preparation_reading_unnamed(p, 4, false);
    expect_names(o.number, o.number_count, "1 4 ");
    o = bp_preparation_reading_unnamed(p, 3, false);
    expect_names(o.number, o.number_count, "1 3 ");
    bp_preparation_free(p);
    bp_table *t = table("d:s,x:d,y:n\n0,1,5\n864000,2,6\n9990000,4,8\n", true);
    p = fit(t, NULL);
    o = bp_preparation_reading(p, false);
    expect_names(o.date, o.date_count, "d ");
    expect_names(o.wide, o.wide_count, "x ");
    assert_string_equal(o.date_format[0], "iso");
    bp_preparation_free(p);
    bp_table_free(t);
}

/* A number column of f32 is rounded alike where it comes as f64, and text where it comes as text. */
static void test_same_rounding(void **state)
{
    (void)state;
    bp_table *narrow = table("x:n,k:n,y:n\n0.1,1,0.5\n0.7,2,1.5\n0.3,3,2.5\n", true);
    bp_table *wide = table("x:d,k:d,y:d\n0.1,1,0.5\n0.7,2,1.5\n0.3,3,2.5\n", true);
    bp_table *text = table("x:t,k:t,y:t\n0.1,1,0.5\n0.7,2.0,1.5\n0.3,3,2.5\n", true);
    bp_prepare_options o = bp_prepare_defaults();
    o.categorical = (bp_columns){(const char *const[]){"x"}, 1};
    for (int categories = 0; categories < 2; categories++) {
        o.categorical.count = (size_t)categories;
        bp_preparation *p = fit(narrow, &o);
        bp_prepare_report report;
        bp_dataset *a = apply(p, narrow, true, NULL), *b = apply(p, wide, true, &report),
                   *c = apply(p, text, true, NULL);
        assert_int_equal(report.unknown, 0);
        for (size_t r = 0; r < 3; r++) {
            for (size_t i = 0; i < a->train.inputs; i++) {
                assert_true(input(a, r, i) == input(b, r, i) && input(a, r, i) == input(c, r, i));
            }
        }
        bp_dataset_free(a);
        bp_dataset_free(b);
        bp_dataset_free(c);
        bp_preparation_free(p);
    }
    bp_table_free(narrow);
    bp_table_free(wide);
    bp_table_free(text);
}

static void test_roles(void **state)
{
    (void)state;
    bp_table *t = table("id:t,a:n,b:n,y:n\nr1,1,4,0.5\nr2,2,5,1.5\nr3,3,7,2.5\n", true);
    static const char *const a[] = {"a"}, *const id[] = {"id"}, *const none[] = {"nothing"};
    bp_prepare_options o = bp_prepare_defaults();
    o.drop = (bp_columns){a, 1};
    o.id = (bp_columns){id, 1};
    bp_preparation *p = fit(t, &o);
    assert_int_equal(bp_preparation_inputs(p), 1);
    assert_string_equal(bp_preparation_id(p, 0), "id");
    assert_null(bp_preparation_id(p, 1));
    bp_preparation_free(p);
    o.target = (bp_columns){a, 1};
    assert_error(bp_preparation_fit(&p, t, NULL, 0, &o), BP_ERR_ARGUMENT, "given as dropped and as target");
    o.drop = (bp_columns){none, 1};
    assert_error(bp_preparation_fit(&p, t, NULL, 0, &o), BP_ERR_ARGUMENT, "nothing");
    bp_table_free(t);
}

static void test_missing_rules(void **state)
{
    (void)state;
    bp_table *t = table("a:n,b:t,y:n\n1,u,0.5\n,v,1.5\n3,,2.5\n4,v,3.5\n", true);
    bp_prepare_options o = bp_prepare_defaults();
    bp_preparation *p;
    bp_prepare_report report;
    o.missing = BP_MISSING_ERROR;
    assert_error(bp_preparation_fit(&p, t, NULL, 0, &o), BP_ERR_DATA, "\"a\" of small.csv has no value in row 2");
    o.missing = BP_MISSING_DROP;
    p = fit(t, &o);
    assert_int_equal(bp_preparation_missing(p), BP_MISSING_DROP);
    assert_int_equal(bp_preparation_inputs(p), 2); /* no indicators */
    bp_dataset *d = apply(p, t, true, &report);
    assert_true(report.rows == 2 && report.dropped == 2 && d->train.rows == 2);
    bp_dataset_free(d);
    d = apply(p, t, false, &report); /* where predictions are wanted, no row is left out */
    assert_true(report.rows == 4 && report.dropped == 0 && report.missing == 2);
    bp_dataset_free(d);
    bp_preparation_free(p);
    o.missing = BP_MISSING_IMPUTE;
    o.impute = BP_IMPUTE_MEAN;
    p = fit(t, &o);
    d = apply(p, t, true, NULL);
    assert_close(input(d, 1, 0), 0); /* the mean */
    bp_dataset_free(d);
    bp_preparation_free(p);
    bp_table_free(t);
}

/* ---- The description --------------------------------------------------------------------------------------------- */

/* A preparation with everything in it. */
static bp_preparation *fit_everything(bp_table **t)
{
    *t = table("x:n,big:d,c:t,b:t,when:s,w:n,row:t,k:t\n"
               "1,1,u,yes,0,1,r1,up\n2,2000,v,no,90000,2,r2,down\n,3,w,,5000000,1,r3,up\n4,4,,no,,1,r4,up\n",
               true);
    bp_prepare_options o = bp_prepare_defaults();
    o.weight = "w";
    o.id = (bp_columns){(const char *const[]){"row"}, 1};
    o.class_weight = "up=2";
    o.numbers = BP_NUMBERS_QUANTILE;
    o.min_count = 2;
    return fit(*t, &o);
}

/* Any change of a byte is an error or another preparation that can be applied: never a crash. */
static void test_damage(void **state)
{
    (void)state;
    bp_table *t;
    bp_preparation *p = fit_everything(&t), *other;
    size_t length = strlen(bp_preparation_text(p)), errors = 0;
    char *text = strdup(bp_preparation_text(p));
    assert_non_null(text);
    for (size_t i = 0; i < length; i++) {
        static const char replace[] = "0-{\"]1";
        for (size_t k = 0; k < sizeof replace; k++) { /* the 0 at the end cuts the text off */
            char before = text[i];
            text[i] = replace[k];
            bp_status status = bp_preparation_parse(&other, text, NULL);
            text[i] = before;
            errors += status != BP_OK;
            assert_true(status == BP_OK || status == BP_ERR_FORMAT || status == BP_ERR_UNSUPPORTED);
            assert_true((status == BP_OK) == (other != NULL));
            if (status == BP_OK) {
                bp_dataset *d;
                status = bp_preparation_apply(&d, other, t, NULL, 0, true, NULL, NULL);
                bp_dataset_free(status == BP_OK ? d : NULL);
                bp_preparation_free(other);
            }
        }
    }
    assert_true(errors > length);
    free(text);
    bp_preparation_free(p);
    bp_table_free(t);
}

/* The text with `from` replaced by `to` must be refused with these words. */
static void refuse(const char *text, const char *from, const char *to, bp_status expected, const char *mention)
{
    const char *at = strstr(text, from);
    assert_non_null(at);
    char *changed = malloc(strlen(text) + strlen(to) + 1);
    assert_non_null(changed);
    sprintf(changed, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    bp_preparation *p;
    assert_error(bp_preparation_parse(&p, changed, NULL), expected, mention);
    free(changed);
}

static void test_refusals(void **state)
{
    (void)state;
    bp_table *t;
    bp_preparation *p = fit_everything(&t);
    const char *text = bp_preparation_text(p);
    refuse(text, "\"version\":1", "\"version\":2", BP_ERR_UNSUPPORTED, "version 2");
    refuse(text, "\"task\":\"classify\"", "\"task\":\"auto\"", BP_ERR_FORMAT, "task");
    refuse(text, "\"task\":\"classify\"", "\"task\":\"guess\"", BP_ERR_FORMAT, "classify, regress");
    refuse(text, "\"columns\":8", "\"columns\":4", BP_ERR_FORMAT, "position");
    refuse(text, "\"position\":2", "\"position\":1", BP_ERR_FORMAT, "used twice");
    refuse(text, "\"scores\":[", "\"scores\":[9,", BP_ERR_FORMAT, "scores");
    refuse(text, "[\"no\",\"yes\"]", "[\"yes\",\"no\"]", BP_ERR_FORMAT, "ascending");
    refuse(text, "[\"down\",\"up\"]", "[\"up\",\"up\"]", BP_ERR_FORMAT, "twice");
    refuse(text, "\"class_weights\":[", "\"class_weights\":[1,", BP_ERR_FORMAT, "class_weights");
    refuse(text, "{", "{\"task\":1,", BP_ERR_FORMAT, "duplicate");
    refuse(text, "}", "", BP_ERR_FORMAT, "JSON");
    bp_preparation_free(p);
    bp_table_free(t);
}

static void test_model(void **state)
{
    (void)state;
    bp_table *t;
    bp_preparation *p = fit_everything(&t), *back;
    bp_model_options o = bp_model_defaults();
    o.inputs = bp_preparation_inputs(p);
    o.outputs = bp_preparation_outputs(p);
    bp_model *m;
    assert_ok(bp_model_new(&m, &o));
    assert_error(bp_model_preparation(&back, m), BP_ERR_STATE, "no preparation");
    assert_ok(bp_model_set_preparation(m, p));
    assert_ok(bp_model_preparation(&back, m));
    assert_string_equal(bp_preparation_text(back), bp_preparation_text(p));
    bp_preparation_free(back);
    bp_model_free(m);
    o.inputs++;
    assert_ok(bp_model_new(&m, &o));
    assert_error(bp_model_set_preparation(m, p), BP_ERR_SHAPE, "inputs");
    bp_model_free(m);
    bp_preparation_free(p);
    bp_table_free(t);
}

/* ---- Memory ------------------------------------------------------------------------------------------------------ */

typedef struct meter {
    size_t calls, live, fail_at;
} meter;

static void *meter_alloc(void *ctx, size_t size)
{
    meter *m = ctx;
    if (++m->calls == m->fail_at) {
        return NULL;
    }
    m->live++;
    return aligned_alloc(64, (size + 63) / 64 * 64);
}

static void meter_release(void *ctx, void *block)
{
    ((meter *)ctx)->live--;
    free(block);
}

static bp_status fit_and_apply(const bp_table *t, const bp_prepare_options *o)
{
    bp_preparation *p, *again = NULL;
    bp_dataset *d = NULL;
    bp_status status = bp_preparation_fit(&p, t, NULL, 0, o);
    if (status == BP_OK) {
        status = bp_preparation_parse(&again, bp_preparation_text(p), o->allocator);
    }
    if (status == BP_OK) {
        status = bp_preparation_apply(&d, again, t, NULL, 0, true, NULL, NULL);
    }
    bp_dataset_free(d);
    bp_preparation_free(again);
    bp_preparation_free(p);
    return status;
}

static void test_memory_runs_out(void **state)
{
    (void)state;
    bp_table *t;
    bp_preparation_free(fit_everything(&t));
    meter m = {0, 0, 0};
    bp_allocator a = {meter_alloc, meter_release, &m};
    bp_prepare_options o = bp_prepare_defaults();
    o.allocator = &a;
    o.weight = "w";
    assert_ok(fit_and_apply(t, &o));
    size_t calls = m.calls;
    assert_true(m.live == 0 && calls > 10);
    for (size_t i = 1; i <= calls; i++) {
        m = (meter){0, 0, i};
        assert_int_equal(fit_and_apply(t, &o), BP_ERR_MEMORY);
        assert_int_equal(m.live, 0);
    }
    bp_table_free(t);
}

/* Rows of a mapped table are kept in a file without a name beside it. */
static void test_records_on_disk(void **state)
{
    (void)state;
    const char *csv = in_folder("disk.csv"), *cache = in_folder("disk.cache");
    char content[4096], *at = content;
    at += sprintf(at, "a,b,y\n");
    for (int i = 0; i < 50; i++) {
        at += sprintf(at, "%d,%s,%d.5\n", i, i % 3 ? i % 2 ? "u" : "v" : "w", i % 7);
    }
    write_file(csv, content, (size_t)(at - content));
    bp_table_options reading = bp_table_defaults();
    bp_table *memory, *mapped;
    assert_ok(bp_table_read(&memory, csv, &reading));
    reading.cache = cache;
    assert_ok(bp_table_read(&mapped, csv, &reading));
    assert_non_null(mapped->mapping);
    bp_preparation *p = fit(memory, NULL);
    int files = files_in(folder);
    bp_dataset *a = apply(p, memory, true, NULL), *b = apply(p, mapped, true, NULL);
    assert_int_equal(files_in(folder), files);
    assert_int_equal(b->train.rows, 50);
    for (size_t r = 0; r < 50; r++) {
        for (size_t i = 0; i < a->train.inputs; i++) {
            assert_true(input(a, r, i) == input(b, r, i));
        }
    }
    bp_dataset_free(a);
    bp_dataset_free(b);
    bp_preparation_free(p);
    bp_table_free(memory);
    bp_table_free(mapped);
}

/* ---- Real files -------------------------------------------------------------------------------------------------- */

static bp_table *real_table(const char *name)
{
    bp_table_options o = bp_table_defaults();
    bp_table *t;
    assert_ok(bp_table_read(&t, real_data(name), &o));
    return t;
}

static void check_bounded(const bp_data *d)
{
    float row[512];
    assert_true(d->inputs <= 512);
    for (size_t r = 0; r < d->rows; r++) {
        d->fill(d->x, r, row, BP_F32);
        for (size_t i = 0; i < d->inputs; i++) {
            assert_true(fabsf(row[i]) <= 10);
        }
    }
}

static void test_real_files(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t outputs;
        bp_table_task task;
    } files[] = {
        {"csv/iris.csv", 3, BP_TABLE_CLASSIFY},
        {"csv/wine.csv", 3, BP_TABLE_CLASSIFY},
        {"csv/sonar.csv", 2, BP_TABLE_CLASSIFY},
        {"csv/pima-indians-diabetes.csv", 2, BP_TABLE_CLASSIFY},
        {"csv/winequality-red.csv", 6, BP_TABLE_CLASSIFY},
        {"csv/adult-train.csv", 2, BP_TABLE_CLASSIFY},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        if (!real_data(files[i].name)) {
            skip();
        }
        bp_table *t = real_table(files[i].name);
        bp_preparation *p = fit(t, NULL);
        assert_int_equal(bp_preparation_outputs(p), files[i].outputs);
        assert_int_equal(bp_preparation_task(p), files[i].task);
        bp_dataset *d = apply(p, t, true, NULL);
        assert_int_equal(d->train.rows, bp_table_rows(t));
        check_bounded(&d->train);
        bp_dataset_free(d);
        bp_preparation_free(p);
        bp_table_free(t);
    }
}

static void test_adult(void **state)
{
    (void)state;
    if (!real_data("csv/adult-test.csv")) {
        skip();
    }
    bp_table *t = real_table("csv/adult-train.csv"), *other;
    bp_preparation *p = fit(t, NULL);
    assert_string_equal(bp_preparation_class(p, 0), "<=50K");
    bp_table_options o = bp_preparation_reading(p, true);
    assert_ok(bp_table_read(&other, real_data("csv/adult-test.csv"), &o));
    bp_prepare_report report;
    bp_dataset *d = apply(p, other, true, &report);
    assert_int_equal(report.rows, 16281);
    assert_int_equal(report.alike, 16281); /* each class has a final full stop */
    assert_int_equal(report.unknown, 0);
    size_t rich = 0;
    for (size_t i = 0; i < d->train.rows; i++) {
        rich += d->train.label[i] == 1;
    }
    assert_int_equal(rich, 3846);
    bp_dataset_free(d);
    bp_preparation_free(p);
    bp_table_free(other);
    bp_table_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_task),
        cmocka_unit_test(test_classes),
        cmocka_unit_test(test_classes_that_occur),
        cmocka_unit_test(test_labels),
        cmocka_unit_test(test_hopeless_targets),
        cmocka_unit_test(test_columns),
        cmocka_unit_test(test_reading),
        cmocka_unit_test(test_same_rounding),
        cmocka_unit_test(test_roles),
        cmocka_unit_test(test_missing_rules),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_model),
        cmocka_unit_test(test_memory_runs_out),
        cmocka_unit_test(test_records_on_disk),
        cmocka_unit_test(test_real_files),
        cmocka_unit_test(test_adult),
    };
    return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
