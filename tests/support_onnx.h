/* support_onnx.h - graphs as other programs write them, built node by node. */
#ifndef SUPPORT_ONNX_H
#define SUPPORT_ONNX_H

#include "support_io.h"

#include "format/onnx_graph.h"

static const double w1[] = {0.5, -1, 2, 0.25, 1.5, -0.75}; /* 2 x 3 */
static const double b1[] = {0.1, -0.2, 0.3};
static const double w2[] = {1, -2, 0.5, 0.25, -1, 3}; /* 3 x 2 */
static const double b2[] = {-0.5, 0.75};

static bp_onnx_graph g;

static inline const char *list(const double *value, size_t n)
{
    return bp_onnx_array(&g, BP_ONNX_FLOAT, value, 1, n, 0);
}

static inline const char *matrix(const double *value, size_t rows, size_t columns)
{
    return bp_onnx_array(&g, BP_ONNX_FLOAT, value, 2, rows, columns);
}

static inline void begin(void)
{
    bp_onnx_graph_start(&g, NULL);
}

static inline bp_status finish(const char *task, bp_model **m)
{
    bp_import_options o = bp_import_defaults();
    o.task = task;
    json_t *none = json_object();
    assert_ok(bp_onnx_graph_write(&g, in_folder("g.onnx"), none));
    json_decref(none);
    bp_onnx_graph_free(&g);
    return bp_model_import(m, in_folder("g.onnx"), &o);
}

static inline const char *start_graph(void)
{
    begin();
    const char *x = bp_onnx_input(&g, "x", BP_ONNX_FLOAT, 2);
    return bp_onnx_op2(&g, "MatMul", x, matrix(w1, 2, 3));
}

static inline void expect_refused(const char *y, bp_status status, const char *mention)
{
    bp_model *m = NULL;
    bp_onnx_output(&g, "y", y, BP_ONNX_FLOAT, 3);
    assert_error(finish(NULL, &m), status, mention);
    assert_null(m);
}

#endif
