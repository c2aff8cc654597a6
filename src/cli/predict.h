/* predict.h - the two kinds of predictions: of data sets (predict.c) and of tables (predict_table.c). */
#ifndef CLI_PREDICT_H
#define CLI_PREDICT_H

#include "options.h"

/* `backprop predict` where DATA is a table: block by block from the file to stdout or --out. */
exit_code predict_table(const options *o);

#endif
