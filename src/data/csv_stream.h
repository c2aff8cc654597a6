/* csv_stream.h - CSV block by block, for table_read.c. */
#ifndef BP_CSV_STREAM_H
#define BP_CSV_STREAM_H

#include "data/table.h"

typedef struct bp_csv_stream bp_csv_stream;

bp_status bp_csv_stream_open(bp_csv_stream **out, const char *path, const bp_table_options *options);
/* The next rows, at most `rows`; the block is valid until the next call. */
bp_status bp_csv_stream_next(bp_csv_stream *s, const bp_table **block, size_t rows);
/* As bp_table_line. */
const char *bp_csv_stream_line(const bp_csv_stream *s, size_t row, size_t *bytes);
char bp_csv_stream_delimiter(const bp_csv_stream *s);
void bp_csv_stream_close(bp_csv_stream *s);

#endif
