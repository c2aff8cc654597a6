/* report.c - evaluations for people and for programs. */
#include "report.h"

#include <math.h>
#include <string.h>

enum { MOST_CLASSES = 20, NAME_COLUMNS = 20 };

const char *class_text(char *out, const bp_model *m, size_t index)
{
    const char *name = bp_model_class(m, index);
    if (name != NULL) {
        snprintf(out, CLASS_NAME, "%s", name);
    } else {
        snprintf(out, CLASS_NAME, "%zu", index);
    }
    return out;
}

/* ---- what was odd about the rows --------------------------------------------------------------------------------- */

void say_count(const terminal *t, const char *what, size_t count, const char *first)
{
    char number[NUMBER_SIZE], text[700];
    if (count > 0) {
        snprintf(text, sizeof text, "%s: %s%s%s", what, number_text(number, (double)count),
                 first != NULL ? "; the first: " : "", first != NULL ? first : "");
        wrap_text(t->file, text, 0, 2, wrap_width(t));
    }
}

void say_prepared(const terminal *t, const bp_prepare_report *r, bool filled)
{
    say_count(t, "rows left out for want of a target, for weight 0 or for missing values", r->dropped, NULL);
    say_count(t, "missing values, filled in as in training", filled ? r->missing : 0, NULL);
    say_count(t, "values that the training rows did not have", r->unknown, r->first_unknown);
    say_count(t, "targets taken for the class that differs only in blanks, case or a final full stop", r->alike, NULL);
}

/* ---- for people -------------------------------------------------------------------------------------------------- */

void report_measures(const terminal *t, const bp_evaluation *e)
{
    char text[NUMBER_SIZE];
    bool first = true;
    for (size_t i = 0; measure_at(e, i).key != NULL; i++) {
        measure m = measure_at(e, i);
        double value = measure_value(&m, e);
        if (m.summary || isnan(value)) {
            continue;
        }
        fprintf(t->file, "%s%-18s %s%s%s\n", first ? "\n" : "", m.text, style_on(t, STYLE_BOLD),
                measure_text(text, &m, value), style_off(t));
        first = false;
    }
}

static size_t right_of(const bp_evaluation *e)
{
    size_t right = 0;
    for (size_t i = 0; i < e->classes; i++) {
        right += e->confusion[i * e->classes + i];
    }
    return right;
}

static void line(const terminal *t, const char *part, const char *what, const char *value, const char *more)
{
    char left[48];
    snprintf(left, sizeof left, "%s%s%s", part, part[0] != '\0' ? " " : "", what);
    fprintf(t->file, "%-16s %s%s%s%s\n", left, style_on(t, STYLE_BOLD), value, style_off(t), more);
}

void report_summary(const terminal *t, const bp_evaluation *e, const char *part)
{
    char text[NUMBER_SIZE], right[NUMBER_SIZE], rows[NUMBER_SIZE], more[2 * NUMBER_SIZE + 32];
    number_text(rows, (double)e->rows);
    if (e->classes > 0) {
        snprintf(more, sizeof more, "  (%s of %s right)", number_text(right, (double)right_of(e)), rows);
        line(t, part, "accuracy", percent_text(text, e->accuracy), more);
    }
    if (e->labels > 0) {
        snprintf(more, sizeof more, "  (of %s rows all %zu answers are right)", rows, e->labels);
        line(t, part, "accuracy", percent_text(text, e->accuracy), more);
    }
    line(t, part, "loss", loss_text(text, e->loss), "");
    if (e->classes == 0 && e->labels == 0) {
        snprintf(more, sizeof more, "  (of %s rows)", rows);
        for (size_t i = 0; measure_at(e, i).key != NULL; i++) {
            measure m = measure_at(e, i);
            line(t, part, m.text, measure_text(text, &m, measure_value(&m, e)),
                 measure_at(e, i + 1).key == NULL ? more : "");
        }
    }
}

static size_t name_width(const bp_evaluation *e, const bp_model *m)
{
    char name[CLASS_NAME];
    size_t width = 5;
    for (size_t i = 0; i < e->classes; i++) {
        size_t length = text_columns(class_text(name, m, i));
        width = length > width ? length : width;
    }
    return width < NAME_COLUMNS ? width : NAME_COLUMNS;
}

void report_classes(const terminal *t, const bp_evaluation *e, const bp_model *m)
{
    char name[CLASS_NAME], rows_text[NUMBER_SIZE];
    int width = (int)name_width(e, m);
    fprintf(t->file, "\n%s%-*s  %8s  %9s  %6s  %6s%s\n", style_on(t, STYLE_BOLD), width, "class", "rows", "precision",
            "recall", "F1", style_off(t));
    for (size_t i = 0; i < e->classes; i++) {
        size_t rows = 0;
        for (size_t j = 0; j < e->classes; j++) {
            rows += e->confusion[i * e->classes + j];
        }
        pad_text(t->file, class_text(name, m, i), (size_t)width);
        fprintf(t->file, "  %8s  %9.4f  %6.4f  %6.4f\n", number_text(rows_text, (double)rows), e->precision[i],
                e->recall[i], e->f1[i]);
    }
}

/* The column of label `index`, or its number where the model knows no columns. out: CLASS_NAME bytes. */
static const char *label_text(char *out, const bp_preparation *p, size_t index)
{
    const char *name = p != NULL ? bp_preparation_target(p, index, NULL, NULL) : NULL;
    if (name != NULL) {
        snprintf(out, CLASS_NAME, "%s", name);
    } else {
        snprintf(out, CLASS_NAME, "%zu", index);
    }
    return out;
}

void report_labels(const terminal *t, const bp_evaluation *e, const bp_preparation *p)
{
    char name[CLASS_NAME], auc[NUMBER_SIZE];
    size_t width = 5;
    for (size_t i = 0; i < e->labels; i++) {
        size_t length = text_columns(label_text(name, p, i));
        width = length > width ? length : width;
    }
    width = width < NAME_COLUMNS ? width : NAME_COLUMNS;
    fprintf(t->file, "\n%s%-*s  %9s  %6s  %6s  %6s%s\n", style_on(t, STYLE_BOLD), (int)width, "label", "precision",
            "recall", "F1", "AUC", style_off(t));
    for (size_t i = 0; i < e->labels; i++) {
        pad_text(t->file, label_text(name, p, i), width);
        fprintf(t->file, "  %9.4f  %6.4f  %6.4f  %6s\n", e->precision[i], e->recall[i], e->f1[i],
                loss_text(auc, e->class_auc[i]));
    }
}

/* ---- confusion matrix -------------------------------------------------------------------------------------------- */

static size_t largest(const size_t *values, size_t count)
{
    size_t most = 0;
    for (size_t i = 0; i < count; i++) {
        most = values[i] > most ? values[i] : most;
    }
    return most;
}

static void confusion_cell(const terminal *t, size_t count, bool diagonal, size_t most_wrong, int width)
{
    if (count == 0 && !diagonal) {
        fprintf(t->file, "%s%*s%s", style_on(t, STYLE_DIM), width, ".", style_off(t));
        return;
    }
    /* colour marks the diagonal and the mistakes that are at least half as frequent as the most frequent one */
    style s = diagonal ? STYLE_GOOD : 2 * count >= most_wrong ? STYLE_BAD : STYLE_OFF;
    fprintf(t->file, "%s%*zu%s", style_on(t, s), width, count, style_off(t));
}

static size_t most_frequent_mistake(const bp_evaluation *e)
{
    size_t most = 0;
    for (size_t i = 0; i < e->classes * e->classes; i++) {
        if (i / e->classes != i % e->classes && e->confusion[i] > most) {
            most = e->confusion[i];
        }
    }
    return most;
}

void report_confusion(const terminal *t, const bp_evaluation *e, const bp_model *m)
{
    char name[CLASS_NAME], digits[NUMBER_SIZE];
    size_t n = e->classes, left = name_width(e, m);
    int cell = 2 + snprintf(digits, sizeof digits, "%zu", largest(e->confusion, n * n));
    const size_t line_width = t->live ? t->width : 160;
    for (size_t i = 0; i < n; i++) { /* names in full where the line has room for them */
        while (left + n * ((size_t)cell + 1) <= line_width && cell < NAME_COLUMNS + 2 &&
               text_columns(class_text(name, m, i)) + 2 > (size_t)cell) {
            cell++;
        }
    }
    if (n > MOST_CLASSES || left + n * (size_t)cell > line_width) {
        fprintf(t->file, "\nThe confusion matrix of %zu classes does not fit here; eval --json has it.\n", n);
        return;
    }
    fprintf(t->file, "\n%sconfusion matrix%s: a row for each true class, a column for each prediction\n",
            style_on(t, STYLE_BOLD), style_off(t));
    fprintf(t->file, "%*s", (int)left, "");
    for (size_t j = 0; j < n; j++) {
        fputs("  ", t->file);
        pad_text_left(t->file, class_text(name, m, j), (size_t)cell - 2);
    }
    fputc('\n', t->file);
    size_t most_wrong = most_frequent_mistake(e);
    for (size_t i = 0; i < n; i++) {
        pad_text_left(t->file, class_text(name, m, i), left);
        for (size_t j = 0; j < n; j++) {
            confusion_cell(t, e->confusion[i * n + j], i == j, most_wrong, cell);
        }
        fputc('\n', t->file);
    }
}

/* ---- JSON -------------------------------------------------------------------------------------------------------- */

static json_t *confusion_json(const bp_evaluation *e)
{
    json_t *confusion = json_array();
    for (size_t i = 0; i < e->classes; i++) {
        json_t *row = json_array();
        for (size_t j = 0; j < e->classes; j++) {
            json_array_append_new(row, json_integer((json_int_t)e->confusion[i * e->classes + j]));
        }
        json_array_append_new(confusion, row);
    }
    return confusion;
}

void evaluation_json(json_t *object, const bp_evaluation *e, const bp_model *m, const bp_preparation *p)
{
    json_put_size(object, "rows", e->rows);
    measures_json(object, "", e);
    classes_json(object, e, m, p);
}

void classes_json(json_t *object, const bp_evaluation *e, const bp_model *m, const bp_preparation *p)
{
    char name[CLASS_NAME];
    if (e->classes + e->labels == 0) {
        return;
    }
    json_t *list = json_array();
    for (size_t i = 0; i < e->classes + e->labels; i++) {
        json_t *one = json_object();
        json_put_text(one, e->classes > 0 ? "class" : "label",
                      e->classes > 0 ? class_text(name, m, i) : label_text(name, p, i));
        json_put(one, "precision", e->precision[i]);
        json_put(one, "recall", e->recall[i]);
        json_put(one, "f1", e->f1[i]);
        json_put(one, "auc", e->class_auc[i]);
        json_array_append_new(list, one);
    }
    json_object_set_new(object, e->classes > 0 ? "classes" : "labels", list);
    if (e->classes > 0) {
        json_object_set_new(object, "confusion", confusion_json(e));
    }
}
