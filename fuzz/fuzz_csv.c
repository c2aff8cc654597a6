/* fuzz_csv.c - tables from CSV, plain and gzip, whole and block by block. The first two bytes choose the options. What can be
 * read is whole, and both ways find the same rows. */
#include "input.h"

#include <math.h>

#include <backprop/io.h>

static const char *const first[] = {"1"}, *const second[] = {"2"}, *const formats[] = {"ymd"};

static bp_table_options options_from(uint8_t a, uint8_t b)
{
    static const char delimiter[] = {'\0', '\0', '\0', ',', ';', '\t', '|', ' '};
    bp_table_options o = bp_table_defaults();
    o.delimiter = delimiter[a & 7];
    o.header = (a >> 3 & 3) == 3 ? -1 : (a >> 3 & 3) - 1;
    o.decimal_comma = a >> 5 & 1;
    o.skip_bad_rows = a >> 6 & 1;
    o.missing = a >> 7 ? "x, none,-1" : NULL;
    o.text = first;
    o.text_count = b & 1;
    o.number = b & 2 ? second : first;
    o.number_count = b >> 2 & 1;
    o.wide = second;
    o.wide_count = b >> 3 & 1;
    o.date = b & 16 ? second : first;
    o.date_count = b >> 5 & 1;
    o.date_format = b & 64 ? formats : NULL;
    return o;
}

/* Every cell is really there. */
static void look_at(const bp_table *t)
{
    for (size_t c = 0; c < bp_table_columns(t); c++) {
        bp_column_info info = bp_table_column(t, c);
        size_t missing = 0;
        input_demand(info.name && *info.name, "a name");
        for (size_t row = 0; row < bp_table_rows(t); row++) {
            const char *text = bp_table_text(t, row, c);
            double number = bp_table_number(t, row, c);
            bool is_text = info.kind == BP_COLUMN_TEXT;
            missing += is_text ? !text : isnan(number) != 0;
            input_demand(is_text ? isnan(number) != 0 && (!text || strlen(text) > 0) : !text, "a cell of its kind");
            input_demand(!isinf(number), "a finite number");
        }
        input_demand(missing == info.missing, "the count of missing cells");
        for (size_t i = 0; i < info.levels; i++) {
            input_demand(strlen(bp_table_level(t, c, i)) > 0, "a level");
        }
    }
}

/* SIZE_MAX: the file cannot be read. */
static size_t rows_of_stream(const char *path, const bp_table_options *o)
{
    bp_table_stream *s;
    const bp_table *block;
    size_t rows = 0, line;
    bool lines = false; /* content that looks like LIBSVM is a table, too, but has no lines to be shown */
    if (bp_table_open(&s, path, o) != BP_OK) {
        return SIZE_MAX;
    }
    do {
        if (bp_table_next(s, &block, 3) != BP_OK) {
            bp_table_close(s);
            return SIZE_MAX;
        }
        look_at(block);
        rows += bp_table_rows(block);
        for (size_t i = 0; i < bp_table_rows(block); i++) {
            const char *text = bp_table_line(s, i, &line);
            lines = lines || (rows == bp_table_rows(block) && i == 0 && text);
            input_demand(!lines || (text && line > 0), "a line");
        }
    } while (bp_table_rows(block) > 0);
    bp_table_close(s);
    return rows;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    bp_table_options o = options_from(data[0], data[1]);
    const char *path = input_path(data + 2, size - 2);
    bp_table *t;
    bp_status status = bp_table_read(&t, path, &o);
    input_demand(status == BP_OK ? t != NULL : !t && *bp_error(), "a table or an error");
    if (t) {
        look_at(t);
        input_demand(bp_table_rows(t) > 0, "rows");
    }
    size_t rows = rows_of_stream(path, &o);
    bool same = t && !o.skip_bad_rows && o.number_count + o.date_count == 0;
    input_demand(!same || rows == bp_table_rows(t), "the same rows");
    bp_table_free(t);
    return 0;
}
