/* table_cache.h - a table in a file of its own, mapped into memory instead of read: for tables larger than that. */
#ifndef BP_TABLE_CACHE_H
#define BP_TABLE_CACHE_H

#include "data/table.h"

/* The table that options->cache keeps of the file `source`. *out = NULL without an error: there is none yet, or it belongs
 * to another file, another state of it or other options. A file that is no cache, or is damaged, is an error. */
bp_status bp_cache_open(bp_table **out, const char *source, const bp_table_options *options);

typedef struct bp_cache_writer bp_cache_writer;

/* Starts a new cache; the state of the source is taken now. */
bp_status bp_cache_create(bp_cache_writer **out, const char *source, const bp_table_options *options);
bp_status bp_cache_append(bp_cache_writer *w, const char *records, size_t bytes);
/* Writes the columns of t, whose records, `rows` of them, have been appended, and puts the file in place. Frees w, always. */
bp_status bp_cache_finish(bp_cache_writer *w, const bp_table *t, size_t rows);
void bp_cache_abandon(bp_cache_writer *w); /* NULL is allowed */

#endif
