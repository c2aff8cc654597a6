/* c_source.c - a model as one file of C: what is declared, in which order things stand in the file, how it is written. */
#include "format/c_source.h"

#include <math.h>
#include <string.h>

bp_c_options bp_c_defaults(void)
{
    return (bp_c_options){.name = "model", .type = BP_F32};
}

/* ---- The model --------------------------------------------------------------------------------------------------- */

/* The activation that the description of a layer ends with: "dense 50 relu". */
static bp_status take_activation(bp_c_layer *l)
{
    const char *last = strrchr(l->text, ' ');
    return bp_activation_parse(&l->f, last ? last + 1 : l->text);
}

static bp_status take_layer(bp_c_layer *l, bp_c_model *c, const bp_layer_info *info)
{
    size_t weights;
    *l = (bp_c_layer){.text = bp_pool_copy(&c->pool, info->text), .inputs = info->inputs, .outputs = info->outputs};
    if (!l->text || !bp_mul_size(&weights, l->inputs, l->outputs)) {
        bp_fail(BP_ERR_MEMORY, "exporting C: no memory for the layer \"%s\"", info->text);
        return BP_ERR_MEMORY;
    }
    l->w = bp_pool_alloc(&c->pool, weights, sizeof *l->w);
    l->b = bp_pool_alloc(&c->pool, l->outputs, sizeof *l->b);
    bp_status status = l->w && l->b ? bp_param_get(info->w, l->w) : BP_ERR_MEMORY;
    status = status == BP_OK ? bp_param_get(info->b, l->b) : status;
    return status == BP_OK ? take_activation(l) : status;
}

/* Numbers are finite in the type that they get in the source, too. */
static bp_status check_finite(const bp_c_model *c, const char *what, const double *value, size_t count)
{
    bool wide = c->o.type == BP_F64;
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(wide ? value[i] : (double)(float)value[i])) {
            return bp_fail(BP_ERR_NUMERIC, "exporting C: %s: %g is no finite number of type %s", what, value[i],
                           wide ? "double" : "float");
        }
    }
    return BP_OK;
}

static bp_status check_scalings(const bp_c_model *c)
{
    const double *mean, *scale;
    size_t count = bp_model_scaling(c->m, &mean, &scale);
    bp_status status = check_finite(c, "scaling of the inputs", mean, count);
    status = status == BP_OK ? check_finite(c, "scaling of the inputs", scale, count) : status;
    count = bp_model_output_scaling(c->m, &mean, &scale);
    status = status == BP_OK ? check_finite(c, "scaling of the outputs", mean, count) : status;
    return status == BP_OK ? check_finite(c, "scaling of the outputs", scale, count) : status;
}

static bp_status take_layers(bp_c_model *c)
{
    bp_layer_info info;
    size_t count = 0;
    while (bp_model_layer(c->m, count, &info)) {
        count++;
    }
    c->layer = bp_pool_alloc(&c->pool, count, sizeof *c->layer);
    bp_status status = c->layer ? BP_OK : BP_ERR_MEMORY;
    for (size_t i = 0; i < count && status == BP_OK; i++) {
        bp_model_layer(c->m, i, &info);
        if (info.w) { /* dropout does nothing */
            bp_c_layer *l = &c->layer[c->layers++];
            status = take_layer(l, c, &info);
            status = status == BP_OK ? check_finite(c, l->text, l->w, l->inputs * l->outputs) : status;
            status = status == BP_OK ? check_finite(c, l->text, l->b, l->outputs) : status;
        }
    }
    return status;
}

/* Two buffers, of outputs, or for int8 of inputs. */
static void plan_scratch(bp_c_model *c)
{
    bool int8 = bp_c_is_int8(c);
    for (size_t l = int8 ? 0 : 1; l < c->layers; l++) {
        size_t *buffer = &c->scratch[(l + !int8) % 2];
        *buffer = *buffer < c->layer[l].inputs ? c->layer[l].inputs : *buffer;
    }
}

static bp_status check_options(const bp_c_options *o)
{
    if (!o->name || !bp_c_is_identifier(o->name)) {
        return bp_fail(BP_ERR_ARGUMENT,
                       "exporting C: \"%.40s\" cannot begin the names in the source; expected a letter, then letters, "
                       "digits and underscores, below %d in all, and no word of C or C++",
                       o->name ? o->name : "", BP_C_NAME / 2);
    }
    if (o->type != BP_F32 && o->type != BP_F64 && o->type != BP_I8) {
        return bp_fail(BP_ERR_ARGUMENT, "exporting C: type %s; expected f32, f64 or i8", bp_type_name(o->type));
    }
    if (o->type == BP_I8 && !o->calibrate) {
        return bp_fail(BP_ERR_ARGUMENT, "exporting C: 8-bit weights need data to measure what the layers give");
    }
    return BP_OK;
}

static bp_status prepare_model(bp_c_model *c)
{
    bp_status status = check_options(&c->o);
    if (status == BP_OK && bp_model_preparation_text(c->m)) {
        status = bp_model_preparation(&c->p, c->m);
        status = status == BP_OK ? bp_c_name_columns(c) : status;
    }
    status = status == BP_OK ? check_scalings(c) : status;
    if (status == BP_OK) {
        status = take_layers(c);
    }
    if (status == BP_OK && bp_c_is_int8(c)) {
        status = bp_c_quantize(c, c->o.calibrate);
    }
    plan_scratch(c);
    return status;
}

/* ---- What is declared -------------------------------------------------------------------------------------------- */

static size_t scratch_size(const bp_c_model *c)
{
    size_t size = c->scratch[0] + c->scratch[1];
    return size ? size : 1; /* C has no arrays of nothing */
}

/* NULL: classes have no names. */
static const char *class_at(const bp_c_model *c, size_t i)
{
    const char *name = bp_model_class(c->m, i);
    return name || !c->p ? name : bp_preparation_class(c->p, i);
}

static const char *target_at(const bp_c_model *c, size_t i)
{
    return bp_preparation_target(c->p, i, NULL, NULL);
}

static bool names_classes(const bp_c_model *c)
{
    return c->described.task == BP_CLASSIFY && class_at(c, 0);
}

static bool names_targets(const bp_c_model *c)
{
    return c->p && c->described.task == BP_REGRESS;
}

/* What stands before the type of the network in the head of each file. */
static void write_head(bp_c_file *f, const bp_c_model *c, const char *what)
{
    bp_c_raw(f, "/* ");
    bp_c_remark(f, what);
    bp_c_put(f, ": a neural network, %zu inputs, %zu outputs (", c->described.inputs, c->described.outputs);
    bp_c_remark(f, c->described.net);
    bp_c_put(f, "%s%s). Generated by backprop %s: do not edit.\n", *c->described.net ? "; output " : "output ",
             c->described.output, bp_version());
    const char *data = bp_model_note(c->m, "data");
    if (data) {
        bp_c_raw(f, " * Trained on ");
        bp_c_remark(f, data);
        bp_c_raw(f, ".\n");
    }
}

/* How it is called, for who opens the file that declares it. */
static void write_example(bp_c_file *f, const bp_c_model *c)
{
    const char *number = bp_c_is_int8(c) ? "int8_t" : f->wide ? "double" : "float";
    bp_c_put(f, " *\n *     ~ x[$_INPUTS], y[$_OUTPUTS];\n *     %s scratch[$_SCRATCH];\n", number);
    if (c->p) {
        bp_c_put(f, " *     @_row row; and all of its fields\n *     @_prepare(x, &row);\n");
    } else {
        bp_c_put(f, " *     x[0] = ... and so on\n");
    }
    bp_c_put(f, " *     @_predict(y, x, scratch);\n");
    if (c->described.task == BP_CLASSIFY) {
        bp_c_put(f, " *     int best = @_decide(y);\n");
    }
    bp_c_raw(f, " */\n");
}

static void declare_classes(bp_c_file *f, const bp_c_model *c)
{
    if (c->described.task == BP_CLASSIFY) {
        bp_c_put(f, "/* The most probable class, 0 .. %zu. */\nint @_decide(const ~ *y);\n", c->described.outputs - 1);
    }
    if (names_classes(c)) {
        bp_c_put(f, "/* The name of a class. */\nconst char *@_class(int index);\n");
    }
    if (names_targets(c)) {
        bp_c_put(f, "/* The column that output `index` is about. */\nconst char *@_target(int index);\n");
    }
}

static const char *outputs_text(const bp_c_model *c)
{
    bool labels = c->p && bp_preparation_task(c->p) == BP_TABLE_MULTILABEL;
    return c->described.task == BP_CLASSIFY ? "a probability (or score) for each class"
           : labels                         ? "a probability of yes for each target"
                                            : "the numbers, in the units of the training data";
}

static void write_declarations(bp_c_file *f, const bp_c_model *c)
{
    bool int8 = bp_c_is_int8(c);
    bp_c_put(f, "#define $_INPUTS  %zu\n#define $_OUTPUTS %zu\n", c->described.inputs, c->described.outputs);
    bp_c_put(f, "#define $_SCRATCH %zu /* elements of working memory: %zu bytes */\n\n", scratch_size(c),
             scratch_size(c) * (int8      ? 1
                                : f->wide ? sizeof(double)
                                          : sizeof(float)));
    bp_c_put(f, "#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n");
    if (c->p) {
        bp_c_declare_row(f, c);
    }
    bp_c_put(f, "/* y[$_OUTPUTS]: %s.\n * x[$_INPUTS]: %s.\n", outputs_text(c),
             c->p ? "what @_prepare makes of a row of the table" : "numbers as in the training data; scaled here");
    bp_c_put(f,
             " * scratch[$_SCRATCH]: working memory, whatever is in it. The three do not overlap. */\n"
             "void @_predict(~ *y, const ~ *x, %s *scratch);\n",
             int8 ? "int8_t" : "~");
    declare_classes(f, c);
    if (c->o.with_test) {
        bp_c_put(f,
                 "/* Predicts known rows: the number of answers that are not as they should be, 0. */\n"
                 "int @_self_test(%s *scratch);\n",
                 int8 ? "int8_t" : "~");
    }
    bp_c_put(f, "\n#ifdef __cplusplus\n}\n#endif\n");
}

/* ---- The source -------------------------------------------------------------------------------------------------- */

static void write_names(bp_c_file *f, const bp_c_model *c, const char *function,
                        const char *(*name)(const bp_c_model *, size_t))
{
    size_t count = c->described.outputs;
    bp_c_put(f, "const char *@_%s(int index)\n{\n    static const char *const name[%zu] = {\n", function, count);
    for (size_t i = 0; i < count; i++) {
        bp_c_raw(f, "        ");
        bp_c_string(f, name(c, i));
        bp_c_raw(f, ",\n");
    }
    bp_c_put(f, "    };\n    return index >= 0 && index < %zu ? name[index] : \"\";\n}\n\n", count);
}

static void write_classes(bp_c_file *f, const bp_c_model *c)
{
    if (c->described.task == BP_CLASSIFY) {
        bp_c_put(f, "int @_decide(const ~ *y)\n{\n    int best = 0, j;\n"
                    "    for (j = 1; j < $_OUTPUTS; j++) {\n        best = y[j] > y[best] ? j : best;\n    }\n"
                    "    return best;\n}\n\n");
    }
    if (names_classes(c)) {
        write_names(f, c, "class", class_at);
    }
    if (names_targets(c)) {
        write_names(f, c, "target", target_at);
    }
}

static void write_includes(bp_c_file *f, const bp_c_model *c)
{
    bp_c_put(f, "#include <stddef.h>\n%s%s\n", bp_c_is_int8(c) ? "#include <stdint.h>\n" : "",
             bp_c_needs_math(c) ? "#include <math.h>\n" : "");
}

static void write_compiler(bp_c_file *f)
{
    bp_c_put(f, "/* The arguments of a layer do not overlap. */\n"
                "#if defined(__GNUC__) || defined(_MSC_VER)\n#define $_RESTRICT __restrict\n"
                "#elif defined(__STDC_VERSION__) && __STDC_VERSION__ >= 199901L\n#define $_RESTRICT restrict\n"
                "#else\n#define $_RESTRICT\n#endif\n\n");
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static bp_status write_code(bp_c_file *f, bp_c_model *c)
{
    write_head(f, c, base_name(c->path));
    bp_c_put(f, " * C99 and C++; no memory is allocated, nothing is kept between calls.%s",
             c->o.header ? " */\n" : "\n");
    if (!c->o.header) {
        write_example(f, c);
    }
    write_includes(f, c);
    if (c->o.header) {
        bp_c_put(f, "#include \"");
        bp_c_raw(f, base_name(c->o.header));
        bp_c_put(f, "\"\n\n");
    } else {
        write_declarations(f, c);
        bp_c_raw(f, "\n");
    }
    write_compiler(f);
    bp_status status = bp_c_write_scaling(f, c);
    bp_c_write_activations(f, c);
    if (bp_c_is_int8(c)) {
        bp_c_write_int8(f, c);
    } else {
        bp_c_write_network(f, c);
    }
    if (c->p) {
        bp_c_write_prepare(f, c);
    }
    write_classes(f, c);
    return status == BP_OK && c->o.with_test ? bp_c_write_test(f, c) : status;
}

static bp_status write_header(bp_c_file *f, bp_c_model *c)
{
    write_head(f, c, base_name(c->o.header));
    bp_c_raw(f, " * The code is in ");
    bp_c_remark(f, base_name(c->path));
    bp_c_raw(f, ".\n");
    write_example(f, c);
    bp_c_put(f, "#ifndef $_H\n#define $_H\n\n%s", bp_c_is_int8(c) ? "#include <stdint.h>\n\n" : "");
    write_declarations(f, c);
    bp_c_put(f, "\n#endif\n");
    return f->status;
}

/* ---- Files ------------------------------------------------------------------------------------------------------- */

static bp_c_file open_file(const bp_c_model *c, const char *path)
{
    bp_c_file f = {.name = c->o.name, .wide = c->o.type == BP_F64};
    for (size_t i = 0; c->o.name[i]; i++) {
        bool small = c->o.name[i] >= 'a' && c->o.name[i] <= 'z';
        f.upper[i] = (char)(small ? c->o.name[i] - 'a' + 'A' : c->o.name[i]);
    }
    f.status = bp_writer_open(&f.writer, path, false, &c->pool.allocator);
    return f;
}

/* Writes the whole file, but does not put it in place yet. After a failure *out is NULL. */
static bp_status fill_file(bp_writer **out, size_t *constants, bp_c_model *c, const char *path,
                           bp_status (*content)(bp_c_file *, bp_c_model *))
{
    bp_c_file f = open_file(c, path);
    *out = NULL;
    if (f.status != BP_OK) {
        return f.status;
    }
    bp_status status = content(&f, c);
    status = f.status == BP_OK ? status : f.status;
    status = status == BP_OK ? bp_writer_settle(f.writer) : status;
    if (status != BP_OK) {
        bp_writer_abandon(f.writer);
        return status;
    }
    *constants += f.constants;
    *out = f.writer;
    return BP_OK;
}

/* Header and source belong together: neither is replaced before both are complete. */
static bp_status write_files(bp_c_report *r, bp_c_model *c)
{
    bp_writer *header = NULL, *code = NULL;
    bp_status status = c->o.header ? fill_file(&header, &r->constants, c, c->o.header, write_header) : BP_OK;
    status = status == BP_OK ? fill_file(&code, &r->constants, c, c->path, write_code) : status;
    if (status == BP_OK && header) {
        status = bp_writer_commit(header);
        header = NULL;
    }
    if (status == BP_OK) {
        status = bp_writer_commit(code);
        code = NULL;
    }
    bp_writer_abandon(header);
    bp_writer_abandon(code);
    r->scratch = scratch_size(c) * (c->o.type == BP_I8 ? 1 : bp_type_size(c->o.type));
    size_t number = c->o.type == BP_F64 ? sizeof(double) : sizeof(float);
    r->arguments = (c->described.inputs + c->described.outputs) * number;
    return status;
}

bp_status bp_model_export_c(bp_c_report *report, const bp_model *m, const char *path, const bp_c_options *options)
{
    bp_c_report unused, *r = report ? report : &unused;
    bp_c_model c = {.m = m, .described = bp_model_describe(m), .o = options ? *options : bp_c_defaults()};
    c.path = path;
    c.pool.allocator = bp_allocator_or_default(c.described.allocator);
    *r = (bp_c_report){0};
    if (!path || !*path) {
        return bp_fail(BP_ERR_ARGUMENT, "exporting C: no path was given");
    }
    if (c.o.header && strcmp(c.o.header, path) == 0) {
        return bp_fail(BP_ERR_ARGUMENT, "exporting C: source and header are both to be %s", path);
    }
    bp_status status = prepare_model(&c);
    if (status == BP_OK && bp_c_is_int8(&c)) {
        status = bp_c_compare(r, &c, c.o.measure ? c.o.measure : c.o.calibrate);
    }
    if (status == BP_OK) {
        status = write_files(r, &c);
    }
    bp_preparation_free(c.p);
    bp_pool_free(&c.pool);
    return status;
}
