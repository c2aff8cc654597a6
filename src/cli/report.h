/* report.h - measures as tables: summary, classes, confusion matrix; and the same as JSON. What was odd about the rows. */
#ifndef CLI_REPORT_H
#define CLI_REPORT_H

#include "measures.h"

/* Name of a class: the model's, or its number. out: CLASS_NAME bytes. */
#define CLASS_NAME 64
const char *class_text(char *out, const bp_model *m, size_t index);

/* "rows skipped: 3; the first: ..."; nothing where the count is 0. first: NULL, or a text. */
void say_count(const terminal *t, const char *what, size_t count, const char *first);
/* What rows of a table have that the preparation did not know. filled: missing values were filled in. */
void say_prepared(const terminal *t, const bp_prepare_report *r, bool filled);

/* "test accuracy  98.31 %  (9,831 of 10,000 right)" and the loss; for numbers the errors. part: "test". */
void report_summary(const terminal *t, const bp_evaluation *e, const char *part);
/* What report_summary leaves out: balanced accuracy, log loss, macro F1, AUC. */
void report_measures(const terminal *t, const bp_evaluation *e);
void report_classes(const terminal *t, const bp_evaluation *e, const bp_model *m);
/* p: knows the names of the labels; NULL: they have numbers. */
void report_labels(const terminal *t, const bp_evaluation *e, const bp_preparation *p);
/* Only where it fits: up to 20 classes and the width of the terminal; otherwise says so. */
void report_confusion(const terminal *t, const bp_evaluation *e, const bp_model *m);
/* "classes" or "labels", the measures of each, and "confusion". */
void classes_json(json_t *object, const bp_evaluation *e, const bp_model *m, const bp_preparation *p);
/* These, "rows" and all measures. */
void evaluation_json(json_t *object, const bp_evaluation *e, const bp_model *m, const bp_preparation *p);

#endif
