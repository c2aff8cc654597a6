/* support_c_source.h - exported source compiled and run: rows in, answers out, through files. */
#ifndef SUPPORT_C_SOURCE_H
#define SUPPORT_C_SOURCE_H

#include "support_io.h"

#include <math.h>

/* Compilers that must take the source without a warning; those that are not installed are left out, but for the first. */
static const char *const compilers[] = {"gcc -std=c99", "clang-14 -std=c99", "g++ -std=c++11 -x c++"};
enum { COMPILERS = sizeof compilers / sizeof *compilers };
#define STRICT "-O1 -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror"

static inline bool installed(const char *compiler)
{
    char line[200];
    snprintf(line, sizeof line, "command -v %.*s >/dev/null", (int)strcspn(compiler, " "), compiler);
    return system(line) == 0;
}

/* Runs a line of the shell in the folder; its exit code. */
static inline int shell(const char *format, ...)
{
    char line[2048];
    int n = snprintf(line, sizeof line, "cd '%s' && ", folder);
    va_list args;
    va_start(args, format);
    vsnprintf(line + n, sizeof line - (size_t)n, format, args);
    va_end(args);
    int status = system(line);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Compiles and runs the self-test of m.c with every compiler. */
static inline void run_self_test(void)
{
    for (size_t i = 0; i < COMPILERS; i++) {
        if (i > 0 && !installed(compilers[i])) {
            continue;
        }
        if (shell("%s " STRICT " -DM_TEST_MAIN m.c -o selftest -lm", compilers[i]) != 0 || shell("./selftest") != 0) {
            fail_msg("the self-test of m.c fails with %s", compilers[i]);
        }
    }
}

static const char *const number_type[] = {[BP_F32] = "float", [BP_F64] = "double", [BP_I8] = "float"};

/* Exports m as m.c and m.h, with self-test. */
static inline bp_c_report export_model(const bp_model *m, bp_type type, const bp_data *calibrate)
{
    char header[300];
    snprintf(header, sizeof header, "%s", in_folder("m.h"));
    bp_c_options o = bp_c_defaults();
    o.name = "m";
    o.type = type;
    o.header = header;
    o.with_test = true;
    o.calibrate = calibrate;
    bp_c_report r;
    assert_ok(bp_model_export_c(&r, m, in_folder("m.c"), &o));
    return r;
}

/* Compiles main.c, whose text is `body` within main, with m.c, and runs it: it writes the file "answers". */
static inline void run_program(bp_type type, const char *body)
{
    FILE *f = fopen(in_folder("main.c"), "w");
    assert_non_null(f);
    fprintf(f,
            "#include \"m.h\"\n#include <math.h>\n#include <stdio.h>\n"
            "int main(void)\n{\n    static %s x[M_INPUTS], y[M_OUTPUTS];\n    static %s scratch[M_SCRATCH];\n"
            "    FILE *out = fopen(\"answers\", \"wb\");\n%s    return fclose(out);\n}\n",
            number_type[type], type == BP_I8 ? "int8_t" : number_type[type], body);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(shell("gcc -std=c99 -Wall -Wextra -Werror -O2 main.c m.c -o program -lm"), 0);
    assert_int_equal(shell("./program"), 0);
}

/* Number i of the file "answers", written as that type. */
static inline double number_in(const bytes *b, bp_type type, size_t i)
{
    size_t size = type == BP_F64 ? sizeof(double) : sizeof(float);
    assert_true((i + 1) * size <= b->size);
    double wide;
    float narrow;
    memcpy(type == BP_F64 ? (void *)&wide : &narrow, b->data + i * size, size);
    return type == BP_F64 ? wide : (double)narrow;
}

/* The library's answer to a row, as doubles. */
static inline void library_answer(double *y, const bp_model *m, const bp_data *data, size_t row)
{
    bp_model_options o = bp_model_describe(m);
    bp_predictor *p;
    float narrow[64];
    assert_true(o.outputs <= 64);
    assert_ok(bp_predictor_new(&p, m, 1, 1));
    assert_ok(bp_predict_data(p, o.type == BP_F64 ? (void *)y : narrow, data, row, 1));
    for (size_t j = 0; j < o.outputs && o.type != BP_F64; j++) {
        y[j] = (double)narrow[j];
    }
    bp_predictor_free(p);
}

#endif
