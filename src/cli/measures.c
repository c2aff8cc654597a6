/* measures.c - the table of measures. */
#include "measures.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

enum { OF_CLASSES = 1, OF_LABELS = 2, OF_NUMBERS = 4 };

static const measure measures[] = {
    {"accuracy", "accuracy", offsetof(bp_evaluation, accuracy), OF_CLASSES | OF_LABELS, MEASURE_PERCENT, true, true},
    {"balanced_accuracy", "balanced accuracy", offsetof(bp_evaluation, balanced_accuracy), OF_CLASSES, MEASURE_PERCENT,
     true, false},
    {"label_accuracy", "right labels", offsetof(bp_evaluation, label_accuracy), OF_LABELS, MEASURE_PERCENT, true,
     false},
    {"log_loss", "log loss", offsetof(bp_evaluation, log_loss), OF_CLASSES | OF_LABELS, MEASURE_PLAIN, false, false},
    {"macro_f1", "macro F1", offsetof(bp_evaluation, macro_f1), OF_CLASSES | OF_LABELS, MEASURE_PLAIN, true, false},
    {"auc", "AUC", offsetof(bp_evaluation, auc), OF_CLASSES | OF_LABELS, MEASURE_PLAIN, true, false},
    {"rmse", "RMSE", offsetof(bp_evaluation, rmse), OF_NUMBERS, MEASURE_UNIT, false, true},
    {"mae", "MAE", offsetof(bp_evaluation, mae), OF_NUMBERS, MEASURE_UNIT, false, true},
    {"r2", "R2", offsetof(bp_evaluation, r2), OF_NUMBERS, MEASURE_PLAIN, true, true},
};
enum { MEASURES = sizeof measures / sizeof *measures };

measure measure_at(const bp_evaluation *e, size_t index)
{
    unsigned kind = e->classes > 0 ? OF_CLASSES : e->labels > 0 ? OF_LABELS : OF_NUMBERS;
    for (size_t i = 0; i < MEASURES; i++) {
        if ((measures[i].kinds & kind) != 0 && index-- == 0) {
            return measures[i];
        }
    }
    return (measure){0};
}

double measure_value(const measure *m, const bp_evaluation *e)
{
    double value;
    memcpy(&value, (const char *)e + m->offset, sizeof value);
    return value;
}

enum { UNIT_DIGITS = 5 };

/* Decimals with which a value in the unit of the target has five digits; -1: it is too large or too small for that. */
static int unit_decimals(double value)
{
    double size = value != 0 ? floor(log10(fabs(value))) : 0;
    return size < -3 || size > 8 ? -1 : size >= UNIT_DIGITS - 1 ? 0 : UNIT_DIGITS - 1 - (int)size;
}

static void unit_text(char *out, double value, int decimals)
{
    if (decimals == 0) {
        number_text(out, value);
    } else {
        snprintf(out, NUMBER_SIZE, decimals > 0 ? "%.*f" : "%.*g", decimals > 0 ? decimals : UNIT_DIGITS, value);
    }
}

const char *measure_text(char *out, const measure *m, double value)
{
    if (!isfinite(value)) {
        snprintf(out, NUMBER_SIZE, "-");
    } else if (m->form == MEASURE_PERCENT) {
        percent_text(out, value);
    } else if (m->form == MEASURE_UNIT) {
        unit_text(out, value, unit_decimals(value));
    } else {
        snprintf(out, NUMBER_SIZE, "%.4f", value);
    }
    return out;
}

const char *spread_text(char *out, const measure *m, spread s)
{
    char mean[NUMBER_SIZE], deviation[NUMBER_SIZE];
    measure_text(mean, m, s.mean);
    if (!isfinite(s.mean)) {
        snprintf(out, SPREAD_SIZE, "%s", mean);
        return out;
    }
    if (m->form == MEASURE_UNIT) {
        unit_text(deviation, s.deviation, unit_decimals(s.mean));
    } else {
        measure_text(deviation, m, s.deviation);
    }
    mean[strcspn(mean, " ")] = '\0'; /* the unit stands once */
    snprintf(out, SPREAD_SIZE, "%s +-%s", mean, deviation);
    return out;
}

bool measure_better(const bp_evaluation *a, const bp_evaluation *b, bool balanced)
{
    for (size_t i = balanced && a->classes > 0 ? 1 : 0; measure_at(a, i).key != NULL; i++) {
        measure m = measure_at(a, i);
        double x = measure_value(&m, a), y = measure_value(&m, b);
        if (x != y && !(isnan(x) && isnan(y))) {
            return m.higher ? x > y : x < y;
        }
    }
    return false;
}

static void put(json_t *object, const char *prefix, const char *key, double value)
{
    char name[64];
    snprintf(name, sizeof name, "%s%s", prefix, key);
    if (json_object_get(object, name) == NULL) {
        json_put(object, name, value);
    }
}

void measures_json(json_t *object, const char *prefix, const bp_evaluation *e)
{
    put(object, prefix, "loss", e->loss);
    put(object, prefix, "accuracy", e->accuracy);
    for (size_t i = 0; measure_at(e, i).key != NULL; i++) {
        measure m = measure_at(e, i);
        put(object, prefix, m.key, measure_value(&m, e));
    }
}

spread measure_spread(const measure *m, const bp_evaluation *const *e, size_t count)
{
    double sum = 0, squares = 0;
    for (size_t i = 0; i < count; i++) {
        sum += measure_value(m, e[i]);
    }
    double mean = sum / (double)count;
    for (size_t i = 0; i < count; i++) {
        double d = measure_value(m, e[i]) - mean;
        squares += d * d;
    }
    return (spread){mean, count > 1 ? sqrt(squares / (double)(count - 1)) : 0};
}
