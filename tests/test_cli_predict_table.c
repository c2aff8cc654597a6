/* test_cli_predict_table.c - `backprop predict` on tables, and `backprop explain`: what goes in, what comes out. */
#include "command.h"

#include <poll.h>

/* ---- tables ------------------------------------------------------------------------------------------------------ */

static FILE *create(const char *name)
{
    char path[600];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    return f;
}

static void shell(const char *line)
{
    char text[1200];
    snprintf(text, sizeof text, "cd '%s' && %s", folder, line);
    if (system(text) != 0)
        fail_msg("failed: %s", line);
}

static double draw(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return (double)(*state >> 8) / (1 << 24);
}

enum { ROWS = 400 };

static const char *const kinds[] = {"oak", "ash, \"grey\"", "elm"};
static const char *const places[] = {"north", "south", "east"};

typedef struct tree {
    double height, girth, price;
    const char *place, *kind;
} tree;

static tree make_tree(uint32_t *random)
{
    tree t;
    int place = (int)(draw(random) * 3), kind = (int)(draw(random) * 3);
    t.height = 5 + 4 * kind + 6 * draw(random);
    t.girth = 0.5 + 2 * draw(random);
    t.place = places[place];
    t.kind = kinds[kind];
    t.price = floor(100 * t.height + 700 * place + 50 * t.girth) / 2; /* exact in f32, too */
    return t;
}

/* A cell of a column by its name, quoted where it must be. */
static void put_cell(FILE *f, const tree *t, int number, const char *column)
{
    if (strcmp(column, "no") == 0)
        fprintf(f, "T%04d", number);
    else if (strcmp(column, "height") == 0)
        fprintf(f, "%.2f", t->height);
    else if (strcmp(column, "girth") == 0)
        fprintf(f, "%.3f", t->girth);
    else if (strcmp(column, "place") == 0)
        fprintf(f, "%s", t->place);
    else if (strcmp(column, "price") == 0)
        fprintf(f, "%.1f", t->price);
    else if (strcmp(column, "kind") == 0)
        fprintf(f, strchr(t->kind, ',') ? "\"ash, \"\"grey\"\"\"" : "%s", t->kind);
    else
        fprintf(f, "\"extra; cell\"");
}

/* The trees as a table with these columns, separated by blanks, in this order. */
static void write_trees(const char *name, const char *columns, char delimiter, bool header, const char *line_end)
{
    FILE *f = create(name);
    char list[200];
    const char *column[16];
    int count = 0;
    uint32_t random = 1;
    snprintf(list, sizeof list, "%s", columns);
    for (char *c = strtok(list, " "); c != NULL; c = strtok(NULL, " "))
        column[count++] = c;
    for (int i = 0; header && i < count; i++)
        fprintf(f, i + 1 < count ? "%s%c" : "%s", column[i], delimiter);
    for (int i = 0; i < ROWS; i++) {
        tree t = make_tree(&random);
        fprintf(f, "%s", i > 0 || header ? line_end : "");
        for (int k = 0; k < count; k++) {
            put_cell(f, &t, i, column[k]);
            if (k + 1 < count)
                fputc(delimiter, f);
        }
    }
    fprintf(f, "%s", line_end);
    fclose(f);
}

/* The table in the order of training, and models of it: of the kind, of the price. */
static void make_models(void)
{
    write_trees("trees.csv", "no height girth place price kind", ',', true, "\n");
    expect(0, NULL,
           "train|trees.csv|--target|kind|--drop|price|--id|no|--net|dense 16|--epochs|20|--quiet|--out|kind.model");
    expect(0, NULL, "train|trees.csv|--target|price|--drop|kind|--net|dense 16|--epochs|20|--quiet|--out|price.model");
}

/* ---- reading what comes out -------------------------------------------------------------------------------------- */

static char *output_of(const char *line)
{
    outcome o = run(line);
    if (o.code != 0)
        fail_msg("backprop %s\nexit code %d: %s", line, o.code, o.err);
    free(o.err);
    return o.out;
}

static size_t lines_in(const char *text)
{
    size_t n = 0;
    for (; *text != '\0'; text++)
        n += *text == '\n';
    return n;
}

static void assert_begins(const char *text, const char *begin)
{
    if (strncmp(text, begin, strlen(begin)) != 0)
        fail_msg("expected \"%s\" at the beginning of:\n%.300s", begin, text);
}

static const char *next_line(const char *text)
{
    const char *end = strchr(text, '\n');
    assert_non_null(end);
    return end + 1;
}

/* ---- predictions ------------------------------------------------------------------------------------------------- */

static void test_names_probabilities_and_quotes(void **state)
{
    (void)state;
    make_models();
    char *out = output_of("predict|kind.model|trees.csv|--proba");
    assert_begins(out, "no,prediction,\"p(ash, \"\"grey\"\")\",p(elm),p(oak)\nT0000,");
    assert_int_equal(lines_in(out), ROWS + 1);
    size_t quoted = 0;
    int row = 0;
    for (const char *at = next_line(out); *at != '\0'; at = next_line(at), row++) {
        double p[3];
        int number = -1;
        const char *cells = strchr(at, ',') + 1;
        static const char ash[] = "\"ash, \"\"grey\"\"\",";
        size_t said = strncmp(cells, ash, sizeof ash - 1) == 0 ? 0 : cells[0] == 'e' ? 1 : 2;
        cells += said == 0 ? sizeof ash - 1 : 4;
        assert_int_equal(sscanf(at, "T%d,", &number), 1);
        assert_int_equal(number, row);
        assert_int_equal(sscanf(cells, "%lf,%lf,%lf\n", &p[0], &p[1], &p[2]), 3);
        assert_true(fabs(p[0] + p[1] + p[2] - 1) < 1e-5);
        assert_true(p[said] >= p[0] && p[said] >= p[1] && p[said] >= p[2]);
        quoted += said == 0;
    }
    assert_true(quoted > ROWS / 5);
    free(out);
}

/* Other order, other delimiter, other line ends, more columns, packed, from standard input: the same answers. */
static void test_columns_are_found_by_name(void **state)
{
    (void)state;
    make_models();
    char *expected = output_of("predict|price.model|trees.csv");
    assert_begins(expected, "prediction\n");
    write_trees("other.csv", "more place girth extra height", '\t', true, "\r\n");
    char *other = output_of("predict|price.model|other.csv");
    assert_string_equal(other, expected);
    free(other);
    shell("gzip -k trees.csv && '" BP_COMMAND "' predict price.model trees.csv.gz > packed && "
          "'" BP_COMMAND "' predict price.model - < other.csv > piped && "
          "cat other.csv | '" BP_COMMAND "' predict price.model - --threads 2 --out written");
    static const char *const names[] = {"packed", "piped", "written"};
    for (size_t i = 0; i < 3; i++) {
        char *text = slurp(names[i], NULL);
        assert_string_equal(text, expected);
        free(text);
    }
    free(expected);
}

static void test_positions_without_header(void **state)
{
    (void)state;
    make_models();
    char *expected = output_of("predict|price.model|trees.csv");
    write_trees("bare.csv", "no height girth place price kind", ',', false, "\n");
    char *bare = output_of("predict|price.model|bare.csv|--header|no");
    assert_string_equal(bare, next_line(expected));
    free(bare);
    free(expected);
    outcome o = run("predict|kind.model|bare.csv|--header|no|--proba"); /* no line of names: they are told apart */
    assert_int_equal(o.code, 0);
    if (strstr(o.err, "last 4 columns: prediction, p(ash, \"grey\"), p(elm), p(oak)\n") == NULL)
        fail_msg("%s", o.err);
    outcome_free(&o);
}

static void test_missing_columns_are_all_named(void **state)
{
    (void)state;
    make_models();
    write_trees("less.csv", "no girth kind", ',', true, "\n");
    outcome o = run("predict|price.model|less.csv");
    assert_int_equal(o.code, 3);
    if (strstr(o.err, "height") == NULL || strstr(o.err, "place") == NULL || strstr(o.err, "price") != NULL)
        fail_msg("expected height and place: %s", o.err);
    assert_string_equal(o.out, "");
    outcome_free(&o);
}

static void test_keep(void **state)
{
    (void)state;
    make_models();
    write_trees("odd.csv", "extra place girth height kind", ';', true, "\r\n");
    char *plain = output_of("predict|price.model|odd.csv"), *kept = output_of("predict|price.model|odd.csv|--keep");
    assert_begins(kept, "extra;place;girth;height;kind;prediction\n\"extra; cell\";");
    assert_int_equal(lines_in(kept), ROWS + 1);
    const char *p = next_line(plain), *k = next_line(kept);
    for (size_t i = 0; i < ROWS; i++, p = next_line(p), k = next_line(k)) {
        size_t length = (size_t)(next_line(p) - p);
        assert_memory_equal(next_line(k) - length - 1, ";", 1);
        assert_memory_equal(next_line(k) - length, p, length);
    }
    FILE *f = create("kept.csv");
    fputs(kept, f);
    fclose(f);
    expect(3, "has a column \"prediction\" already", "predict|price.model|kept.csv|--keep");
    free(plain);
    free(kept);
}

static void test_row_range(void **state)
{
    (void)state;
    make_models();
    char *all = output_of("predict|kind.model|trees.csv"), *some = output_of("predict|kind.model|trees.csv|--rows|2-4");
    assert_begins(some, "no,prediction\nT0002,");
    assert_int_equal(lines_in(some), 4);
    assert_non_null(strstr(all, next_line(some)));
    expect(2, "has 400 rows", "predict|kind.model|trees.csv|--rows|400");
    free(all);
    free(some);
}

static void test_empty_tables_have_a_header(void **state)
{
    (void)state;
    make_models();
    FILE *f = create("empty.csv");
    fputs("height,girth,place,no\n", f);
    fclose(f);
    char *out = output_of("predict|kind.model|empty.csv");
    assert_string_equal(out, "no,prediction\n");
    free(out);
}

/* ---- what the model did not see in training ---------------------------------------------------------------------- */

static void test_unknown_levels_are_counted(void **state)
{
    (void)state;
    make_models();
    write_text("new.csv", "height,girth,place\n7,1,west\n8,1,north\n9,1,up\n9,2,west\n");
    outcome o = run("predict|price.model|new.csv");
    assert_int_equal(o.code, 0);
    assert_int_equal(lines_in(o.out), 5);
    if (strstr(o.err, "did not have: 3; the first: column \"place\": \"west\" in row 1") == NULL ||
        strstr(o.err, "west") == NULL || strstr(o.err, "up") != NULL)
        fail_msg("expected 3 cells, the first of them: %s", o.err);
    outcome_free(&o);
}

static void test_rows_that_cannot_be_predicted(void **state)
{
    (void)state;
    make_models();
    static const char text[] = "height,girth,place\n7,1,north\n,1,north\n9,NA,south\n9,2,?\n9,2,south\n";
    write_text("gaps.csv", text);
    char *filled = output_of("predict|price.model|gaps.csv");
    assert_int_equal(lines_in(filled), 6);
    assert_null(strstr(filled, "\n\n"));
    expect(0, "missing values, filled in as in training: 3", "predict|price.model|gaps.csv");
    expect(
        0, NULL,
        "train|trees.csv|--target|price|--drop|kind|--missing|drop|--net|dense 8|--epochs|2|--quiet|--out|drop.model");
    outcome o = run("predict|drop.model|gaps.csv");
    assert_int_equal(o.code, 0);
    assert_int_equal(lines_in(o.out), 6);
    assert_non_null(strstr(o.out, "\n\n\n\n"));
    assert_non_null(strstr(o.err, "--missing drop: 3"));
    outcome_free(&o);
    expect(0, NULL,
           "train|trees.csv|--target|price|--drop|kind|--missing|error|--net|dense "
           "8|--epochs|2|--quiet|--out|strict.model");
    expect(3, "has no value in row 2", "predict|strict.model|gaps.csv");
    free(filled);
}

static void test_bad_cells(void **state)
{
    (void)state;
    make_models();
    write_text("bad.csv", "height,girth,place\n7,1,north\n8,wide,north\n9,1,south\n");
    expect(3, "wide", "predict|price.model|bad.csv");
    outcome o = run("predict|price.model|bad.csv|--bad-rows|skip");
    assert_int_equal(o.code, 0);
    assert_int_equal(lines_in(o.out), 3);
    assert_non_null(strstr(o.err, "rows skipped: 1; the first: "));
    outcome_free(&o);
    write_text("old", "old");
    expect(3, "wide", "predict|price.model|bad.csv|--out|old");
    char *old = slurp("old", NULL);
    assert_string_equal(old, "old");
    free(old);
    assert_int_equal(count_files(".tmp-"), 0);
}

static void test_options_that_do_not_fit(void **state)
{
    (void)state;
    make_models();
    expect(2, "--proba", "predict|price.model|trees.csv|--proba");
    expect(2, "--top", "predict|kind.model|trees.csv|--top|2");
    expect(2, "--draw", "predict|kind.model|trees.csv|--draw");
    expect(3, "trained on a table", "predict|kind.model|digits");
    expect(2, "same file", "predict|kind.model|trees.csv|--out|trees.csv");
    expect(2, "same file", "predict|kind.model|trees.csv|--out|kind.model");
    expect(0, NULL, "train|xor|--epochs|1|--quiet");
    expect(2, "--keep", "predict|xor.safetensors|xor|--keep");
    expect(2, "--proba", "predict|xor.safetensors|xor|--proba");
}

/* ---- a pipe ------------------------------------------------------------------------------------------------------ */

/* Reads a line from a pipe, at most so long; fails when it does not come within 20 seconds. */
static void receive(int fd, char *out, size_t size)
{
    size_t used = 0;
    do {
        struct pollfd p = {fd, POLLIN, 0};
        if (poll(&p, 1, 20000) != 1)
            fail_msg("no answer");
        assert_int_equal(read(fd, out + used, 1), 1);
    } while (out[used++] != '\n' && used + 1 < size);
    out[used] = '\0';
}

static void send_text(int fd, const char *text)
{
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

/* Every line is answered before the next one is sent. */
static void test_answers_come_as_rows_come(void **state)
{
    (void)state;
    make_models();
    int in[2], out[2];
    char line[200];
    assert_int_equal(pipe(in), 0);
    assert_int_equal(pipe(out), 0);
    pid_t child = fork();
    if (child == 0) {
        dup2(in[0], STDIN_FILENO);
        dup2(out[1], STDOUT_FILENO);
        close(in[1]);
        close(out[0]);
        if (chdir(folder) == 0)
            execl(BP_COMMAND, "backprop", "predict", "price.model", "-", "--keep", (char *)NULL);
        _exit(99);
    }
    close(in[0]);
    close(out[1]);
    send_text(in[1], "height,girth,place\n7.5,1,north\n");
    receive(out[0], line, sizeof line);
    assert_string_equal(line, "height,girth,place,prediction\n");
    receive(out[0], line, sizeof line);
    assert_begins(line, "7.5,1,north,");
    for (int i = 0; i < 5; i++) {
        char row[64];
        snprintf(row, sizeof row, "%d.25,1,south", i + 8);
        send_text(in[1], row); /* in two pieces: a row is answered when it ends */
        send_text(in[1], "\n");
        receive(out[0], line, sizeof line);
        assert_begins(line, row);
    }
    close(in[1]);
    assert_int_equal(read(out[0], line, 1), 0);
    assert_int_equal(code_of(child), 0);
    close(out[0]);
}

/* ---- the figures of training ------------------------------------------------------------------------------------- */

/* Accuracy and errors worked out from the predictions are those that train and eval print, to the last digits. */
static void test_predictions_reproduce_the_metrics(void **state)
{
    (void)state;
    make_models();
    json_t *e = result_of("eval|kind.model|trees.csv|--json");
    char *out = output_of("predict|kind.model|trees.csv|--keep");
    size_t right = 0;
    for (const char *at = next_line(out); *at != '\0'; at = next_line(at)) {
        const char *end = next_line(at) - 1, *place = at;
        for (int comma = 0; comma < 5; comma++)
            place = strchr(place, ',') + 1;
        size_t length = (size_t)(end - place);
        assert_int_equal(length % 2, 1); /* "kind,prediction", of equal length where they are equal */
        right += strncmp(place, place + length / 2 + 1, length / 2) == 0;
    }
    assert_true(number(e, "accuracy") == (double)right / ROWS);
    assert_true(right < ROWS && right > ROWS / 2);
    json_decref(e);
    free(out);

    e = result_of("eval|price.model|trees.csv|--json");
    out = output_of("predict|price.model|trees.csv|--keep");
    double squares = 0, absolute = 0;
    for (const char *at = next_line(out); *at != '\0'; at = next_line(at)) {
        double height, girth, price, answer;
        assert_int_equal(sscanf(at, "T%*d,%lf,%lf,%*[^,],%lf,%*[^0-9]%lf", &height, &girth, &price, &answer), 4);
        answer = (double)(float)answer; /* the model's type: its shortest decimals say nothing about another */
        squares += (answer - price) * (answer - price);
        absolute += fabs(answer - price);
    }
    assert_true(fabs(number(e, "rmse") / sqrt(squares / ROWS) - 1) < 1e-12);
    assert_true(fabs(number(e, "mae") / (absolute / ROWS) - 1) < 1e-12);
    json_decref(e);
    free(out);
}

static void test_threads_do_not_matter(void **state)
{
    (void)state;
    make_models();
    char *one = output_of("predict|kind.model|trees.csv|--proba|--threads|1");
    char *three = output_of("predict|kind.model|trees.csv|--proba|--threads|3");
    assert_string_equal(one, three);
    free(one);
    free(three);
}

/* docs/formats.md states the tolerance. */
static void test_other_instruction_sets_agree(void **state)
{
    (void)state;
    make_models();
    char *fast = output_of("predict|price.model|trees.csv");
    char *plain = output_of("predict|price.model|trees.csv|--kernel|portable");
    const char *f = next_line(fast), *p = next_line(plain);
    for (; *f != '\0'; f = next_line(f), p = next_line(p)) {
        double x = strtod(f, NULL), y = strtod(p, NULL);
        assert_true(fabs(x - y) <= 1e-5 * fabs(y));
    }
    free(fast);
    free(plain);
}

/* ---- explain ----------------------------------------------------------------------------------------------------- */

static void test_explain(void **state)
{
    (void)state;
    make_models();
    json_t *e = result_of("explain|price.model|trees.csv|--json|--repeats|3");
    json_t *columns = json_object_get(e, "columns");
    assert_int_equal(json_array_size(columns), 3); /* of "no", all different, the network sees nothing */
    assert_string_equal(json_string_value(json_object_get(json_array_get(columns, 0), "column")), "place");
    assert_true(number(json_array_get(columns, 0), "r2_decrease") > 0.1);
    assert_true(number(json_array_get(columns, 0), "r2_deviation") > 0);
    assert_true(number(e, "r2") > 0.5);
    json_t *again = result_of("explain|price.model|trees.csv|--json|--repeats|3|--threads|3");
    assert_true(json_equal(columns, json_object_get(again, "columns")));
    json_decref(again);
    again = result_of("explain|price.model|trees.csv|--json|--repeats|3|--seed|2");
    assert_false(json_equal(columns, json_object_get(again, "columns")));
    json_decref(again);
    json_decref(e);
    outcome o = run("explain|kind.model|trees.csv|--rows|100");
    assert_int_equal(o.code, 0);
    assert_non_null(strstr(o.out, "100 rows"));
    assert_non_null(strstr(o.out, "accuracy"));
    assert_non_null(strstr(o.out, "5 shuffles"));
    outcome_free(&o);
}

static void test_explain_refuses(void **state)
{
    (void)state;
    make_models();
    expect(0, NULL, "train|xor|--epochs|1|--quiet");
    expect(3, "the model, which knows none by name, takes 2", "explain|xor.safetensors|trees.csv");
    expect(2, "is a data set", "explain|xor.safetensors|xor");
    expect(2, "was trained on a table", "explain|kind.model|digits");
    write_trees("less.csv", "no girth place kind", ',', true, "\n");
    expect(3, "height", "explain|kind.model|less.csv");
    expect(2, "--repeats", "explain|kind.model|trees.csv|--repeats|0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_names_probabilities_and_quotes),
        TEST(test_columns_are_found_by_name),
        TEST(test_positions_without_header),
        TEST(test_missing_columns_are_all_named),
        TEST(test_keep),
        TEST(test_row_range),
        TEST(test_empty_tables_have_a_header),
        TEST(test_unknown_levels_are_counted),
        TEST(test_rows_that_cannot_be_predicted),
        TEST(test_bad_cells),
        TEST(test_options_that_do_not_fit),
        TEST(test_answers_come_as_rows_come),
        TEST(test_predictions_reproduce_the_metrics),
        TEST(test_threads_do_not_matter),
        TEST(test_other_instruction_sets_agree),
        TEST(test_explain),
        TEST(test_explain_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
