/* report.h - measures as tables: summary, classes, confusion matrix; and the same as JSON. */
#ifndef CLI_REPORT_H
#define CLI_REPORT_H

#include "measures.h"

/* Name of a class: the model's, or its number. out: CLASS_NAME bytes. */
#define CLASS_NAME 64
const char *class_text(char *out, const bp_model *m, size_t index);

/* "test accuracy  98.31 %  (9,831 of 10,000 right)" and the loss; for numbers the errors. part: "test". */
void report_summary(const terminal *t, const bp_evaluation *e, const char *part);
/* What report_summary leaves out: balanced accuracy, log loss, macro F1, AUC. */
void report_measures(const terminal *t, const bp_evaluation *e);
void report_classes(const terminal *t, const bp_evaluation *e, const bp_model *m);
void report_labels(const terminal *t, const bp_evaluation *e, const bp_model *m);
/* Only where it fits: up to 20 classes and the width of the terminal; otherwise says so. */
void report_confusion(const terminal *t, const bp_evaluation *e, const bp_model *m);
/* "classes" or "labels", the measures of each, and "confusion". */
void classes_json(json_t *object, const bp_evaluation *e, const bp_model *m);
/* These, "rows" and all measures. */
void evaluation_json(json_t *object, const bp_evaluation *e, const bp_model *m);

#endif
