/* export_c.c - `backprop export --c`: a model as C source. */
#include <string.h>

#include "base/base.h"
#include "export.h"
#include "subject.h"
#include "terminal.h"

/* The options that only mean something with --c. */
static const option_id own[] = {OPT_C_HEADER, OPT_C_TYPE, OPT_C_NAME, OPT_C_TEST, OPT_C_CALIBRATE};

bp_status export_c_refuse(const options *o)
{
    for (size_t i = 0; i < sizeof own / sizeof *own && !given(o, OPT_C); i++) {
        if (given(o, own[i])) {
            return bp_fail(BP_ERR_ARGUMENT, "--%s is for --c", option_table[own[i]].name);
        }
    }
    return BP_OK;
}

static bp_type type_of(const options *o)
{
    static const bp_type types[] = {BP_F32, BP_F64, BP_I8}; /* as c_type_word lists them */
    return types[size_or(o, OPT_C_TYPE, 0)];
}

static bp_status check_request(const options *o, const char *path)
{
    bool int8 = type_of(o) == BP_I8;
    if (int8 != given(o, OPT_C_CALIBRATE)) {
        return bp_fail(BP_ERR_ARGUMENT, int8 ? "--type int8 needs --calibrate DATA, data that shows how large the "
                                               "numbers between the layers become"
                                             : "--calibrate is for --type int8");
    }
    if (given(o, OPT_C_HEADER)) {
        return output_apart(path, "the source", o->value[OPT_C_HEADER].text, "--header");
    }
    return BP_OK;
}

/* ---- calibration data -------------------------------------------------------------------------------------------- */

/* Steps are found on the training part, errors measured on the test part. */
static bp_status take_parts(bp_c_options *c, bp_data part[2], const subject *s, const options *o)
{
    const bp_data *from[2] = {&s->set->train, s->set->test.rows > 0 ? &s->set->test : &s->set->train};
    bp_status status = BP_OK;
    for (size_t i = 0; i < 2 && status == BP_OK; i++) {
        part[i] = *from[i];
        if (!s->table) {
            status = source_fits(&part[i], s->set->name, s->model, o->positional[0]);
        }
    }
    c->calibrate = &part[0];
    c->measure = &part[1];
    return status;
}

/* ---- what is told ------------------------------------------------------------------------------------------------ */

static void put_details(json_t *d, const bp_c_options *c, const bp_c_report *r)
{
    json_put_text(d, "type", c->type == BP_I8 ? "int8" : bp_type_name(c->type));
    json_put_text(d, "header", c->header);
    json_put_size(d, "flash_bytes", r->constants);
    json_put_size(d, "scratch_bytes", r->scratch);
    json_put_size(d, "ram_bytes", r->scratch + r->arguments);
    if (r->rows > 0) {
        json_put_size(d, "rows", r->rows);
        json_put(d, "largest_error", r->largest);
        json_put(d, "mean_error", r->mean);
        json_put(d, "accuracy_before", r->before);
        json_put(d, "accuracy", r->after);
        json_put(d, "r2_before", r->r2_before);
        json_put(d, "r2", r->r2_after);
    }
}

static double number_at(const json_t *d, const char *key)
{
    return json_number_value(json_object_get(d, key));
}

void export_c_tell(const json_t *d)
{
    char flash[NUMBER_SIZE], ram[NUMBER_SIZE], scratch[NUMBER_SIZE], rows[NUMBER_SIZE];
    bytes_text(flash, number_at(d, "flash_bytes"));
    bytes_text(ram, number_at(d, "ram_bytes"));
    bytes_text(scratch, number_at(d, "scratch_bytes"));
    char text[6 * NUMBER_SIZE];
    terminal t = terminal_of(stdout);
    snprintf(text, sizeof text, "%s: %s of constants (flash); %s of memory: scratch %s, the rest inputs and outputs",
             json_string_value(json_object_get(d, "type")), flash, ram, scratch);
    wrap_text(stdout, text, 0, 2, wrap_width(&t));
    if (!json_object_get(d, "rows")) {
        return;
    }
    number_text(rows, number_at(d, "rows"));
    printf("against the model, on %s rows: largest error %.4g, mean error %.4g\n", rows, number_at(d, "largest_error"),
           number_at(d, "mean_error"));
    if (json_is_number(json_object_get(d, "accuracy"))) {
        char before[NUMBER_SIZE], after[NUMBER_SIZE];
        printf("accuracy %s, of the model %s\n", percent_text(after, number_at(d, "accuracy")),
               percent_text(before, number_at(d, "accuracy_before")));
    } else {
        printf("R2 %.6f, of the model %.6f\n", number_at(d, "r2"), number_at(d, "r2_before"));
    }
}

/* ---- the export -------------------------------------------------------------------------------------------------- */

exit_code export_c(const options *o, const bp_model *m, const char *path, json_t *details)
{
    if (check_request(o, path) != BP_OK) {
        return fail_usage(&command_table[CMD_EXPORT]);
    }
    bp_c_options c = bp_c_defaults();
    bp_c_report report;
    bp_data part[2];
    subject s = {0};
    c.name = text_or(o, OPT_C_NAME, c.name);
    c.type = type_of(o);
    c.header = text_or(o, OPT_C_HEADER, NULL);
    c.with_test = given(o, OPT_C_TEST);
    bp_status status = BP_OK;
    if (given(o, OPT_C_CALIBRATE)) {
        status = subject_load(&s, o->positional[0], o->value[OPT_C_CALIBRATE].text, o);
        status = status == BP_OK ? take_parts(&c, part, &s, o) : status;
    }
    status = status == BP_OK ? bp_model_export_c(&report, m, path, &c) : status;
    if (status == BP_OK) {
        put_details(details, &c, &report);
    }
    subject_free(&s);
    return export_code(status);
}
