/* schedule.c - the learning rate as a function of progress. */
#include "nn/schedule.h"

#include "base/base.h"
#include "base/decimal.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct progress {
    double step, total; /* after the warm-up */
    double epoch;       /* whole epochs done */
} progress;

typedef struct schedule_kind {
    const char *name;
    int least, most; /* numbers after the colon */
    double a, b;     /* their defaults */
    double (*factor)(const bp_schedule *s, progress p);
    const char *usage;
    bool uses_end; /* the factor depends on p.total */
} schedule_kind;

static double constant_factor(const bp_schedule *s, progress p)
{
    (void)s;
    (void)p;
    return 1;
}

static double step_factor(const bp_schedule *s, progress p)
{
    return pow(s->b, floor(p.epoch / s->a));
}

static double exponential_factor(const bp_schedule *s, progress p)
{
    return pow(s->a, p.epoch);
}

static double cosine_factor(const bp_schedule *s, progress p)
{
    double done = p.total > 0 ? fmin(p.step / p.total, 1) : 1;
    return s->a + (1 - s->a) * 0.5 * (1 + cos(3.141592653589793 * done));
}

static double inverse_factor(const bp_schedule *s, progress p)
{
    return pow(1 + s->a * p.epoch, -s->b);
}

static const schedule_kind kinds[] = {
    {"constant", 0, 0, 0, 0, constant_factor, "constant", false},
    {"step", 1, 2, 0, 0.1, step_factor, "step:EPOCHS[,GAMMA]", false},
    {"exponential", 1, 1, 0, 0, exponential_factor, "exponential:GAMMA", false},
    {"cosine", 0, 1, 0, 0, cosine_factor, "cosine[:FLOOR]", true},
    {"inverse", 1, 2, 0, 1, inverse_factor, "inverse:K[,POWER]", false},
    {"plateau", 0, 2, 10, 0.1, constant_factor, "plateau[:PATIENCE[,GAMMA]]", false},
};
enum { KINDS = sizeof kinds / sizeof *kinds, PLATEAU = KINDS - 1 };

static const char *kind_name(size_t i)
{
    return kinds[i].name;
}

bool bp_schedule_is_known(const bp_schedule *s)
{
    return s->kind >= 0 && s->kind < KINDS;
}

bool bp_schedule_is_plateau(const bp_schedule *s)
{
    return s->kind == PLATEAU;
}

/* Numbers separated by commas; false if there are fewer or more than allowed. */
static bool parse_numbers(const schedule_kind *k, double value[2], const char *text)
{
    int count = 0;
    while (text) {
        char piece[32];
        bool whole = strcspn(text, ",") < sizeof piece;
        text = bp_split_name(piece, text, ',');
        if (!whole || count == k->most || !bp_parse_double(&value[count++], piece) || value[count - 1] < 0) {
            return false;
        }
    }
    return count >= k->least;
}

static bp_status parse_kind(bp_schedule *out, const char *text)
{
    char name[32];
    const char *numbers = bp_split_name(name, text, ':');
    int kind = bp_find_name(name, kind_name, KINDS);
    if (kind < 0) {
        return bp_fail_unknown("schedule", name, kind_name, KINDS);
    }
    const schedule_kind *k = &kinds[kind];
    double value[2] = {k->a, k->b};
    bool valid = parse_numbers(k, value, numbers);
    bool divides = strcmp(k->name, "step") == 0; /* epochs are divided by the first number */
    if (!valid || (divides && value[0] < 1)) {
        return bp_fail(BP_ERR_ARGUMENT, "schedule \"%s\": expected \"%s\"", text, k->usage);
    }
    out->kind = kind;
    out->a = value[0];
    out->b = value[1];
    return BP_OK;
}

bp_status bp_schedule_parse(bp_schedule *out, const char *text)
{
    *out = (bp_schedule){0};
    const char *rest = text;
    if (strncmp(text, "warmup:", 7) == 0) {
        char number[32];
        rest = bp_split_name(number, text + 7, '+');
        size_t digits = strcspn(number, " ");
        bool alone = number[digits + strspn(number + digits, " ")] == '\0';
        number[digits] = '\0';
        if (!alone || !bp_parse_size(&out->warmup, number)) {
            return bp_fail(BP_ERR_ARGUMENT, "schedule \"%s\": expected \"warmup:STEPS + SCHEDULE\"", text);
        }
        rest = rest ? rest + strspn(rest, " ") : "constant";
    }
    return parse_kind(out, rest);
}

bool bp_schedule_uses_end(const bp_schedule *s)
{
    return kinds[s->kind].uses_end;
}

const char *bp_schedule_text(char *out, size_t size, const bp_schedule *s)
{
    const schedule_kind *k = &kinds[s->kind];
    const double number[2] = {s->a, s->b}, usual[2] = {k->a, k->b};
    char warmup[48] = "", text[2][BP_DECIMAL_SIZE] = {"", ""};
    int count = k->most;
    while (count > k->least && number[count - 1] == usual[count - 1]) {
        count--;
    }
    for (int i = 0; i < count; i++) {
        bp_decimal_text(text[i], number[i], BP_F64);
    }
    if (s->warmup) {
        snprintf(warmup, sizeof warmup, "warmup:%zu + ", s->warmup);
    }
    snprintf(out, size, "%s%s%s%s%s%s", warmup, k->name, count > 0 ? ":" : "", text[0], count > 1 ? "," : "", text[1]);
    return out;
}

double bp_schedule_factor(const bp_schedule *s, size_t step, size_t per_epoch, size_t total)
{
    if (step < s->warmup) {
        return ((double)step + 1) / (double)s->warmup;
    }
    double after = total == SIZE_MAX ? INFINITY : (double)total - (double)s->warmup;
    progress p = {(double)(step - s->warmup), after, floor((double)step / (double)(per_epoch ? per_epoch : 1))};
    return kinds[s->kind].factor(s, p);
}
