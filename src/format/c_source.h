/* c_source.h - the inside of C source export: what a model is to the files that write its parts.
 *
 * c_source.c         the whole: options, what is declared, what predicts
 * c_source_text.c    text of C: templates, literals, tables, names
 * c_source_network.c layers and activations
 * c_source_table.c   rows of a table to inputs
 * c_source_quantize.c, c_source_int8.c   int8: how it is made from data, and how it is written
 * c_source_test.c    the self-test */
#ifndef BP_C_SOURCE_H
#define BP_C_SOURCE_H

#include "backprop/io.h"
#include "data/file.h"
#include "data/pool.h"

enum { BP_C_NAME = 64 }; /* bytes of a name in the source */

/* ---- c_source_text.c ---- */

/* A file that is being written; the first failure is kept. */
typedef struct bp_c_file {
    bp_writer *writer;
    bp_status status;
    const char *name;      /* of the model: what all names begin with, */
    char upper[BP_C_NAME]; /* and in capitals */
    bool wide;             /* numbers are double, not float */
    size_t constants;      /* bytes of tables and texts so far */
} bp_c_file;

/* Code after a printf format, in which @ stands for the name, $ for the name in capitals, ~ for float or double, and ^ for
 * the f that functions and literals of float end with. No text of a user may pass through it. */
void bp_c_put(bp_c_file *f, const char *format, ...) BP_PRINTF(2, 3);
void bp_c_raw(bp_c_file *f, const char *text);
/* As a literal "..."; inside a comment. */
void bp_c_string(bp_c_file *f, const char *text);
void bp_c_remark(bp_c_file *f, const char *text);
/* The shortest literal that reads back as the same float (double), with the suffix it needs. */
enum { BP_C_LITERAL = 40 };
const char *bp_c_literal(char out[BP_C_LITERAL], double value, bool wide);
/* {1.5f, 2.0f ...}, `count` of them, counted as constants. */
void bp_c_list(bp_c_file *f, const double *value, size_t count, bool wide);
void bp_c_bytes(bp_c_file *f, const int8_t *value, size_t count);
/* static const ~ @_NAME[count] = {...}; */
void bp_c_table(bp_c_file *f, const char *name, const double *value, size_t count, bool wide);
/* A name for `text`: letters, digits and underscores, no keyword; capitals where they are asked for. */
void bp_c_identifier(char out[BP_C_NAME], const char *text, bool capitals);
bool bp_c_is_identifier(const char *name);

/* ---- the model ---- */

typedef struct bp_c_layer {
    const char *text; /* "dense 50 relu" */
    size_t inputs, outputs;
    bp_activation f;
    double *w; /* inputs x outputs */
    double *b;
    /* int8: z[j] = scale[j] * sum_i q[j][i] x8[i] + bias[j], where x8 = round(x / step) + zero */
    int8_t *q; /* outputs x inputs */
    float *scale, *bias;
    float step;
    int zero;
} bp_c_layer;

/* A column of the table in the source. */
typedef struct bp_c_column {
    const struct bp_feature *feature; /* of data/prepare.h */
    char name[BP_C_NAME];             /* of the field */
    char (
        *level)[BP_C_NAME]; /* constants of its levels and, last, of all others, without what begins all names; NULL: a
                                 number or date */
} bp_c_column;

typedef struct bp_c_model {
    const bp_model *m;
    bp_model_options described;
    bp_c_options o;
    const char *path;
    bp_pool pool;
    bp_c_layer *layer;
    size_t layers;
    bp_preparation *p; /* NULL: not of a table */
    bp_c_column *column;
    int8_t *x8; /* work space of the int8 network, of its widest layer */
    float *z;
    size_t scratch[2]; /* elements of the two buffers that layers take turns with */
} bp_c_model;

static inline bool bp_c_is_int8(const bp_c_model *c)
{
    return c->o.type == BP_I8;
}

/* ---- c_source_network.c ---- */

bool bp_c_needs_math(const bp_c_model *c);
/* The functions of the activations that c has. */
void bp_c_write_activations(bp_c_file *f, const bp_c_model *c);
/* The activation of a layer on all of y; on one expression (not softmax). */
void bp_c_activate(bp_c_file *f, const bp_c_layer *l);
void bp_c_activated(bp_c_file *f, bp_activation a, const char *expression);
/* The tables of the scalings; the expression of a scaled input x[index]. */
bp_status bp_c_write_scaling(bp_c_file *f, const bp_c_model *c);
void bp_c_scaled_input(bp_c_file *f, const bp_c_model *c, const char *index);
/* The layers, and then @_predict. */
void bp_c_write_network(bp_c_file *f, const bp_c_model *c);
/* The head of @_predict, up to the layers, and what comes behind them. */
void bp_c_open_predict(bp_c_file *f, const bp_c_model *c);
void bp_c_write_answer(bp_c_file *f, const bp_c_model *c);

/* ---- c_source_int8.c ---- */

void bp_c_write_int8(bp_c_file *f, const bp_c_model *c);

/* ---- c_source_quantize.c ---- */

/* Finds steps and 8-bit weights of all layers from the rows of the data. */
bp_status bp_c_quantize(bp_c_model *c, const bp_data *data);
/* The answer of the int8 network for a row of inputs as the data have them. Uses c's work space: one caller at a time. */
void bp_c_simulate(const bp_c_model *c, float *y, const float *x);
/* Errors of the int8 network on the data. */
bp_status bp_c_compare(bp_c_report *r, const bp_c_model *c, const bp_data *data);

/* ---- c_source_table.c ---- */

/* Names of fields and levels. */
bp_status bp_c_name_columns(bp_c_model *c);
void bp_c_declare_row(bp_c_file *f, const bp_c_model *c);
void bp_c_write_prepare(bp_c_file *f, const bp_c_model *c);

/* ---- c_source_test.c ---- */

bp_status bp_c_write_test(bp_c_file *f, bp_c_model *c);

#endif
