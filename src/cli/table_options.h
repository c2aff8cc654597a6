/* table_options.h - from the command line to what the library wants to know about a table: how it is read, how it is
 * prepared. */
#ifndef CLI_TABLE_OPTIONS_H
#define CLI_TABLE_OPTIONS_H

#include "options.h"

/* Whether what is given as DATA is a table: "-" (standard input), a file, a pipe, or a name that ends as those of tables
 * do (".csv"). Names of data sets and directories are not. */
bool table_named(const char *what);
/* What the file is called when it is talked about: "-" becomes "standard input". */
const char *table_title(const char *path);

/* A list "a,b,\"c, d\"" of an option, taken apart; count = 0 where it was not given. */
typedef struct name_list {
    char *text;
    const char **name;
    size_t count;
} name_list;
bp_status name_list_parse(name_list *out, const options *o, option_id id);
void name_list_free(name_list *l);

/* Puts on top of `reading` what the command line says about the file: delimiter, header and so on. Fails with
 * BP_ERR_ARGUMENT. */
bp_status table_reading(bp_table_options *reading, const options *o);

/* Everything that `train` is told about a table. */
typedef struct table_request {
    name_list target, categorical, numeric, drop, id;
    bp_table_options reading;
    bp_prepare_options prepare;
} table_request;
/* Fails with BP_ERR_ARGUMENT. The result needs to be freed in any case; it refers to the strings of o. */
bp_status table_request_make(table_request *out, const options *o);
void table_request_free(table_request *r);

/* Fails with BP_ERR_ARGUMENT where an option was given that makes no sense for this kind of data. */
bp_status table_check_options(const options *o, const char *what);

#endif
