/* test_docs.c - what the documents say is so: docs/commands.md and docs/api.md are what the sources give, every example in
 * the reference is a valid command line, the pages with transcripts print what they say and quote what is in the
 * sources, arithmetic is right, and no link leads nowhere.
 *
 * In these two a fence's first line says what is done with the block:
 *   ```console            the lines after "$ " are run in one folder, in order; the other lines are what they print
 *   ```c src/x/y.c        the lines are in that file, in this order
 *   ```text arithmetic    each line is NAME = EXPRESSION = VALUE
 * In expected output a line "..." stands for any lines, "..." at the end of a line for the rest of it. */
#include "support_io.h"

#include <math.h>

/* How near printed numbers have to be: one of these is enough. What is zero but for rounding may be any small number. */
typedef struct nearness {
    double relative, absolute;
    double whole; /* of counts */
} nearness;

/* The pages with transcripts. */
typedef struct transcript {
    const char *path;
    const char *data; /* in the folder of the real data: files that its commands expect where they run; NULL: none */
    nearness near;
    size_t commands, quotations, sums; /* there are at least so many */
} transcript;

/* The last digits depend on the instruction set. What a whole training gives depends on the defaults, too: pages about that
 * are to be true, not exact. */
static const transcript pages[] = {
    {"docs/tutorial.md", NULL, {1e-3, 1e-7, 0}, 8, 4, 10},
    {"docs/tables.md", "csv", {0.3, 0.05, 5}, 25, 1, 0},
    {"docs/transfer.md", "mnist", {0.05, 0.01, 0}, 5, 1, 0},
};
enum { PAGES = sizeof pages / sizeof *pages };

enum { LINE = 1024 };

/* With another instruction set than this one pages with data are only held to having numbers in the same places: which rows
 * come out worst, or how many epochs a training takes, may be another thing. */
static const char set_of_pages[] = "avx512";
static bool any_number;

static char *read_text(const char *path)
{
    bytes b = read_file(path);
    b.data[b.size] = '\0';
    return (char *)b.data;
}

static const char *in_source(const char *name)
{
    static char path[2 * LINE];
    snprintf(path, sizeof path, "%s/%s", BP_SOURCE_DIR, name);
    return path;
}

/* The next line of *text without its end, cut to size; false at the end of the text. */
static bool next_line(char *out, size_t size, const char **text)
{
    if (**text == '\0') {
        return false;
    }
    size_t n = strcspn(*text, "\n");
    snprintf(out, size, "%.*s", (int)n, *text);
    *text += n + ((*text)[n] == '\n');
    return true;
}

/* What a shell prints, stdout and stderr, for a command that must end with 0. */
static char *output_of(const char *command)
{
    size_t size = 0, capacity = 1 << 18, n;
    char line[2 * LINE], *out = malloc(capacity);
    assert_non_null(out);
    snprintf(line, sizeof line, "cd '%s' && { %s\n} 2>&1", folder, command);
    FILE *f = popen(line, "r");
    assert_non_null(f);
    while ((n = fread(out + size, 1, capacity - 1 - size, f)) > 0) {
        size += n;
    }
    out[size] = '\0';
    if (pclose(f) != 0) {
        fail_msg("this failed: %s\n%s", command, out);
    }
    return out;
}

/* ---- fenced blocks ----------------------------------------------------------------------------------------------- */

typedef struct block {
    char info[LINE];  /* what follows the three backquotes */
    const char *text; /* the lines */
    const char *end;
} block;

/* The next block from *at on. */
static bool next_block(block *b, const char **at)
{
    char line[LINE];
    while (next_line(line, sizeof line, at)) {
        if (strncmp(line, "```", 3) == 0) {
            snprintf(b->info, sizeof b->info, "%.*s", LINE - 4, line + 3);
            b->text = *at;
            b->end = strstr(*at, "\n```");
            assert_non_null(b->end);
            *at = strchr(b->end + 1, '\n') + 1;
            return true;
        }
    }
    return false;
}

/* Lines of a block. */
static bool block_line(char *out, size_t size, const char **at, const block *b)
{
    return *at <= b->end && next_line(out, size, at);
}

/* ---- transcripts ------------------------------------------------------------------------------------------------- */

static bool starts_number(const char *s)
{
    const char *digit = s + (*s == '-');
    return *digit >= '0' && *digit <= '9';
}

static bool numbers_agree(double a, double b, const nearness *near)
{
    double difference = fabs(a - b);
    bool whole = a == floor(a) && b == floor(b);
    return difference <= near->absolute + near->relative * fmax(fabs(a), fabs(b)) ||
           (whole && difference <= near->whole);
}

/* Equal but for the width of blanks and the last digits of numbers. */
static bool lines_agree(const char *expected, const char *found, const nearness *near)
{
    for (;;) {
        size_t blanks = strspn(expected, " \t"), found_blanks = strspn(found, " \t");
        expected += blanks;
        found += found_blanks;
        if (strcmp(expected, "...") == 0) {
            return true;
        }
        if (*expected == '\0' || *found == '\0') {
            return *expected == *found;
        }
        if ((blanks > 0) != (found_blanks > 0)) {
            return false;
        }
        if (starts_number(expected) && starts_number(found)) {
            char *after, *found_after;
            if (!numbers_agree(strtod(expected, &after), strtod(found, &found_after), near) && !any_number) {
                return false;
            }
            expected = after;
            found = found_after;
        } else if (*expected++ != *found++) {
            return false;
        }
    }
}

/* Compares the lines from *at on, up to the next command, with what was printed. */
static void compare_output(const transcript *p, const char **at, const block *b, const char *command,
                           const char *printed)
{
    char expected[LINE], found[LINE] = "";
    const char *from = printed;
    bool skip = false;
    while (*at <= b->end && strncmp(*at, "$ ", 2) != 0 && block_line(expected, sizeof expected, at, b)) {
        if (strcmp(expected, "...") == 0) {
            skip = true;
            continue;
        }
        bool agree = false;
        while (!agree && next_line(found, sizeof found, &from)) {
            agree = lines_agree(expected, found, &p->near);
            if (!agree && !skip) {
                break;
            }
        }
        if (!agree) {
            fail_msg("%s: $ %s\nexpected: %s\nfound:    %s\nin:\n%s", p->path, command, expected, found, printed);
        }
        skip = false;
    }
    if (!skip && *from != '\0') {
        fail_msg("%s: $ %s\nprints more than it says:\n%s", p->path, command, from);
    }
}

/* "$ a \", "> b": a command on two lines. */
static void read_command(char *out, size_t size, const char **at, const block *b)
{
    char line[LINE];
    assert_true(block_line(line, sizeof line, at, b));
    snprintf(out, size, "%s", line + 2);
    while (out[strlen(out) - 1] == '\\' && block_line(line, sizeof line, at, b)) {
        size_t used = strlen(out) - 1;
        snprintf(out + used, size - used, "%s", line + (strncmp(line, "> ", 2) == 0 ? 2 : 0));
    }
}

static void run_page(const transcript *p)
{
    char *text = read_text(in_source(p->path)), command[LINE];
    const char *at = text;
    size_t commands = 0;
    for (block b; next_block(&b, &at);) {
        if (strcmp(b.info, "console") != 0) {
            continue;
        }
        for (const char *line = b.text; line <= b.end; commands++) {
            if (strncmp(line, "$ ", 2) != 0) {
                fail_msg("%s: a console block does not start with a command: %.60s", p->path, line);
            }
            read_command(command, sizeof command, &line, &b);
            char *printed = output_of(command);
            compare_output(p, &line, &b, command, printed);
            free(printed);
        }
    }
    free(text);
    assert_true(commands >= p->commands);
}

static void test_tutorial(void **state)
{
    (void)state;
    run_page(&pages[0]);
}

/* Links to the files that a page speaks of; false where they are absent. */
static bool bring_data(const char *data)
{
    char command[2 * LINE];
    if (getenv("BACKPROP_DATA") == NULL && setenv("BACKPROP_DATA", in_source("../shared/data"), 1) != 0) {
        return false;
    }
    snprintf(command, sizeof command,
             "cd '%s' && for f in \"$BACKPROP_DATA\"/%s/*; do ln -s \"$(realpath \"$f\")\" . || exit; done", folder,
             data);
    return system(command) == 0;
}

static void run_page_with_data(const transcript *p)
{
    if (!bring_data(p->data)) {
        skip();
    }
    any_number = strcmp(bp_kernel_name(), set_of_pages) != 0;
    run_page(p);
    any_number = false;
}

static void test_tables(void **state)
{
    (void)state;
    run_page_with_data(&pages[1]);
}

static void test_transfer(void **state)
{
    (void)state;
#ifdef BP_SLOW
    skip();
#endif
    run_page_with_data(&pages[2]);
}

/* The comparison can fail. */
static void test_comparison(void **state)
{
    (void)state;
    const nearness *exact = &pages[0].near, *rough = &pages[1].near;
    assert_true(lines_agree("loss 0.1234  x", "loss   0.12341 x", exact));
    assert_true(lines_agree("took ...", "took 17 ms", exact));
    assert_true(lines_agree("  0 1e-9", " -0 3e-12", exact));
    assert_false(lines_agree("loss 0.1234", "loss 0.1244", exact));
    assert_false(lines_agree("loss 0.1234", "loss -0.1234", exact));
    assert_false(lines_agree("loss 0.1234", "loss nan", exact));
    assert_false(lines_agree("247 of 250", "246 of 250", exact));
    assert_false(lines_agree("a b", "a", exact));
    assert_false(lines_agree("a", "a b", exact));
    assert_false(lines_agree("a b", "ab", exact));
    assert_true(lines_agree("R2 0.80, 3 of 50", "R2 0.75, 5 of 47", rough));
    assert_false(lines_agree("R2 0.80", "R2 0.5", rough));
    assert_false(lines_agree("114 wrong", "200 wrong", rough));
    assert_false(lines_agree("R2 0.80", "R2 -0.80", rough));
    assert_false(lines_agree("accuracy 0.9", "loss 0.9", rough));
}

/* ---- quotations and sums ----------------------------------------------------------------------------------------- */

/* The lines of the block are lines of the file, in this order; a line "..." leaves some out. */
static void check_quotation(const transcript *p, const block *b, const char *path)
{
    char wanted[LINE], line[LINE];
    char *source = read_text(in_source(path));
    const char *at = source;
    bool adjacent = false;
    for (const char *from = b->text; block_line(wanted, sizeof wanted, &from, b);) {
        bool found = false;
        if (strcmp(wanted + strspn(wanted, " "), "...") == 0) {
            adjacent = false;
            continue;
        }
        while (!found && next_line(line, sizeof line, &at)) {
            found = strcmp(line, wanted) == 0;
            if (!found && adjacent) {
                break;
            }
        }
        if (!found) {
            fail_msg("%s quotes %s, which has no such line (or not there): %s", p->path, path, wanted);
        }
        adjacent = true;
    }
    free(source);
}

static void check_quotations(const transcript *p)
{
    char *text = read_text(in_source(p->path));
    const char *at = text;
    size_t quotations = 0;
    for (block b; next_block(&b, &at);) {
        if (strncmp(b.info, "c ", 2) == 0) {
            check_quotation(p, &b, b.info + 2);
            quotations++;
        } else if (strcmp(b.info, "console") != 0 && strncmp(b.info, "text", 4) != 0) {
            fail_msg("%s: nobody tests a block of \"%s\"", p->path, b.info);
        }
    }
    free(text);
    assert_true(quotations >= p->quotations);
}

static void test_quotations(void **state)
{
    (void)state;
    for (size_t i = 0; i < PAGES; i++) {
        check_quotations(&pages[i]);
    }
}

/* "z = 1 + 2 = 3", with awk to do the sum. */
static void check_sum(const transcript *p, const char *line)
{
    char expression[LINE], command[2 * LINE];
    const char *first = strstr(line, " = "), *last = first != NULL ? strstr(first + 3, " = ") : NULL;
    if (last == NULL) {
        fail_msg("%s: no sum: %s", p->path, line);
        return;
    }
    snprintf(expression, sizeof expression, "%.*s", (int)(last - first - 3), first + 3);
    snprintf(command, sizeof command, "LC_ALL=C awk 'BEGIN { printf \"%%.12g\", %s }'", expression);
    char *result = output_of(command);
    double value = strtod(last + 3, NULL), found = strtod(result, NULL);
    if (!numbers_agree(value, found, &p->near)) {
        fail_msg("%s: %s\nis %g", p->path, line, found);
    }
    free(result);
}

static void test_arithmetic(void **state)
{
    (void)state;
    for (const transcript *p = pages; p < pages + PAGES; p++) {
        char *text = read_text(in_source(p->path)), line[LINE];
        const char *at = text;
        size_t sums = 0;
        for (block b; next_block(&b, &at);) {
            if (strcmp(b.info, "text arithmetic") != 0) {
                continue;
            }
            for (const char *from = b.text; block_line(line, sizeof line, &from, &b); sums++) {
                check_sum(p, line);
            }
        }
        free(text);
        assert_true(sums >= p->sums);
    }
}

/* ---- references -------------------------------------------------------------------------------------------------- */

static void assert_generated(const char *name, const char *command)
{
    char *written = read_text(in_source(name)), *now = output_of(command);
    const char *a = written, *b = now;
    char line[LINE] = "", fresh[LINE] = "";
    if (strcmp(written, now) != 0) {
        bool more = true;
        while (more && strcmp(line, fresh) == 0) {
            bool left = next_line(line, sizeof line, &a), right = next_line(fresh, sizeof fresh, &b);
            more = left && right;
        }
        fail_msg("%s is out of date: `make docs` writes it anew\nhas:      %s\nshould be: %s", name, line, fresh);
    }
    assert_true(strlen(now) > 1000);
    free(written);
    free(now);
}

static void test_commands_page(void **state)
{
    (void)state;
    assert_generated("docs/commands.md", "'" BP_COMMAND "' help --markdown");
}

static void test_api_page(void **state)
{
    (void)state;
    assert_generated("docs/api.md", "awk -f '" BP_SOURCE_DIR "/docs/api.awk' '" BP_SOURCE_DIR
                                    "/include/backprop/backprop.h' '" BP_SOURCE_DIR "/include/backprop/io.h'");
}

/* Every example of docs/commands.md is a valid command line: with --help behind it, it is parsed and not run. */
static void test_examples(void **state)
{
    (void)state;
    char *text = read_text(in_source("docs/commands.md")), line[LINE], command[2 * LINE];
    const char *at = text;
    size_t examples = 0;
    for (block b; next_block(&b, &at);) {
        for (const char *from = b.text; strcmp(b.info, "sh") == 0 && block_line(line, sizeof line, &from, &b);) {
            if (line[0] == '#') {
                continue;
            }
            assert_memory_equal(line, "backprop ", 9);
            snprintf(command, sizeof command, "%.*s --help", (int)strcspn(line, "|"), line);
            free(output_of(command));
            examples++;
        }
    }
    free(text);
    assert_true(examples >= 10);
}

/* ---- links ------------------------------------------------------------------------------------------------------- */

/* The anchor that a heading gets: small letters, digits, dashes for blanks. */
static void anchor_of(char *out, size_t size, const char *heading)
{
    size_t n = 0;
    for (const char *c = heading + strspn(heading, "# "); *c != '\0' && n + 1 < size; c++) {
        if (*c >= 'A' && *c <= 'Z') {
            out[n++] = (char)(*c - 'A' + 'a');
        } else if (*c == ' ' || *c == '-' || *c == '_' || (*c >= '0' && *c <= '9') || (*c >= 'a' && *c <= 'z')) {
            out[n++] = *c == ' ' ? '-' : *c;
        }
    }
    out[n] = '\0';
}

static bool has_anchor(const char *path, const char *anchor)
{
    char line[LINE], id[LINE], slug[LINE];
    char *text = read_text(path);
    const char *at = text;
    snprintf(id, sizeof id, "<a id=\"%s\">", anchor);
    bool found = strstr(text, id) != NULL;
    while (!found && next_line(line, sizeof line, &at)) {
        if (line[0] == '#') {
            anchor_of(slug, sizeof slug, line);
            found = strcmp(slug, anchor) == 0;
        }
    }
    free(text);
    return found;
}

/* to: "math.md#losses", "#losses", "../examples". */
static bool link_leads_somewhere(const char *page, const char *to)
{
    char path[2 * LINE];
    size_t folder_length = strrchr(page, '/') != NULL ? (size_t)(strrchr(page, '/') - page) + 1 : 0;
    size_t length = strcspn(to, "#");
    if (length > 0) {
        snprintf(path, sizeof path, "%s/%.*s%.*s", BP_SOURCE_DIR, (int)folder_length, page, (int)length, to);
    } else {
        snprintf(path, sizeof path, "%s/%s", BP_SOURCE_DIR, page);
    }
    struct stat st;
    return stat(path, &st) == 0 && (to[length] == '\0' || has_anchor(path, to + length + 1));
}

static size_t check_links(const char *page)
{
    char *text = read_text(in_source(page)), to[LINE];
    size_t links = 0;
    for (const char *at = text; (at = strstr(at, "](")) != NULL; at += 2) {
        snprintf(to, sizeof to, "%.*s", (int)strcspn(at + 2, ")\n"), at + 2);
        if (strstr(to, "://") == NULL && !link_leads_somewhere(page, to)) {
            fail_msg("%s: the link to \"%s\" leads nowhere", page, to);
        }
        links++;
    }
    free(text);
    return links;
}

static void test_links(void **state)
{
    (void)state;
    static const char *const linked[] = {"README.md",        "docs/architecture.md", "docs/math.md",
                                         "docs/formats.md",  "docs/tutorial.md",     "docs/tables.md",
                                         "docs/transfer.md", "docs/commands.md",     "docs/api.md"};
    size_t links = 0;
    for (size_t i = 0; i < sizeof linked / sizeof *linked; i++) {
        links += check_links(linked[i]);
    }
    assert_true(links > 50);
    assert_false(link_leads_somewhere("docs/math.md", "#no-such-heading"));
    assert_false(link_leads_somewhere("docs/math.md", "no-such-file.md"));
}

/* `backprop` in the tutorial is the one that was built. */
static int set_up(void **state)
{
    char path[4 * LINE];
    const char *slash = strrchr(BP_COMMAND, '/');
    snprintf(path, sizeof path, "%.*s:%s", (int)(slash - BP_COMMAND), BP_COMMAND, getenv("PATH"));
    return setenv("PATH", path, 1) != 0 || folder_make(state) != 0 ? -1 : 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_comparison), cmocka_unit_test(test_tutorial),   cmocka_unit_test(test_tables),
        cmocka_unit_test(test_transfer),   cmocka_unit_test(test_quotations), cmocka_unit_test(test_arithmetic),
        cmocka_unit_test(test_links),      cmocka_unit_test(test_examples),   cmocka_unit_test(test_commands_page),
        cmocka_unit_test(test_api_page),
    };
    return cmocka_run_group_tests(tests, set_up, folder_remove);
}
