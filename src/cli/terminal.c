/* terminal.c - terminals, blocks, numbers for people. */
#include "terminal.h"

#include <langinfo.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/base.h"

static const char *environment(const char *name)
{
    const char *value = getenv(name);
    return value != NULL ? value : "";
}

/* A locale that is set decides. Where none is, as in many containers, terminals of today speak UTF-8; the console of
 * Linux has no half blocks. */
static bool speaks_utf8(void)
{
    const char *term = environment("TERM");
    if (environment("LC_ALL")[0] == '\0' && environment("LC_CTYPE")[0] == '\0' && environment("LANG")[0] == '\0') {
        return strcmp(term, "linux") != 0;
    }
    return setlocale(LC_CTYPE, "") != NULL && strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

static size_t columns_of(int fd)
{
    struct winsize size = {0};
    size_t columns = 0;
    if (ioctl(fd, TIOCGWINSZ, &size) == 0) {
        columns = size.ws_col;
    }
    if (columns == 0 && !bp_parse_size(&columns, environment("COLUMNS"))) {
        columns = 80;
    }
    return columns < 20 ? 20 : columns;
}

terminal terminal_of(FILE *file)
{
    terminal t = {.file = file, .width = 80};
    const char *term = environment("TERM");
    if (!isatty(fileno(file))) {
        return t;
    }
    t.width = columns_of(fileno(file));
    t.live = term[0] != '\0' && strcmp(term, "dumb") != 0;
    t.colour = t.live && environment("NO_COLOR")[0] == '\0'; /* no-color.org */
    t.unicode = t.live && speaks_utf8();
    return t;
}

const char *style_on(const terminal *t, style s)
{
    static const char *const sequences[STYLES] = {
        [STYLE_OFF] = "\033[0m",   [STYLE_BOLD] = "\033[1m", [STYLE_DIM] = "\033[2m",
        [STYLE_GOOD] = "\033[32m", [STYLE_BAD] = "\033[31m", [STYLE_ACCENT] = "\033[36m",
    };
    return t->colour ? sequences[s] : "";
}

/* ---- text ----------------------------------------------------------------------------------------------------------- */

/* The bytes of the first `columns` characters. */
static size_t bytes_of(const char *text, size_t columns)
{
    size_t bytes = 0, seen = 0;
    for (; text[bytes] != '\0'; bytes++) {
        bool starts = ((unsigned char)text[bytes] & 0xC0) != 0x80; /* others continue a character */
        if (starts && seen++ == columns) {
            break;
        }
    }
    return bytes;
}

static size_t columns_within(const char *text, size_t bytes)
{
    size_t columns = 0;
    for (size_t i = 0; i < bytes; i++) {
        columns += ((unsigned char)text[i] & 0xC0) != 0x80;
    }
    return columns;
}

size_t text_columns(const char *text)
{
    return columns_within(text, strlen(text));
}

static void pad(FILE *out, const char *text, size_t width, bool left)
{
    size_t bytes = bytes_of(text, width);
    int blanks = (int)(width - columns_within(text, bytes));
    fprintf(out, "%*s%.*s%*s", left ? blanks : 0, "", (int)bytes, text, left ? 0 : blanks, "");
}

void pad_text(FILE *out, const char *text, size_t width)
{
    pad(out, text, width, false);
}

void pad_text_left(FILE *out, const char *text, size_t width)
{
    pad(out, text, width, true);
}

void wrap_text(FILE *out, const char *text, size_t at, size_t indent, size_t width)
{
    size_t column = at, blanks = 0;
    while (*text != '\0') {
        size_t length = strcspn(text, " \n"), columns = columns_within(text, length);
        if (blanks > 0 && column + blanks + columns > width) {
            fprintf(out, "\n%*s", (int)indent, "");
            column = indent;
            blanks = 0;
        }
        fprintf(out, "%*s%.*s", (int)blanks, "", (int)length, text);
        column += blanks + columns;
        text += length;
        blanks = strspn(text, " ");
        text += blanks;
        if (*text == '\n') {
            blanks = blanks > 0 ? blanks : 1;
            text++;
        }
    }
    fputc('\n', out);
}

/* ---- blocks ------------------------------------------------------------------------------------------------------ */

static char *append(char *end, const char *text)
{
    size_t length = strlen(text);
    memcpy(end, text, length + 1);
    return end + length;
}

void sparkline(char *out, const terminal *t, const double *values, size_t count)
{
    static const char *const blocks[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    static const char *const ascii[] = {"_", ".", ",", "-", "=", "+", "*", "#"};
    double low = INFINITY, high = -INFINITY;
    for (size_t i = 0; i < count; i++) {
        low = fmin(low, values[i]);
        high = fmax(high, values[i]);
    }
    out[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        double level = high > low ? (values[i] - low) / (high - low) : 0;
        bool shown = isfinite(values[i]) && isfinite(level);
        int index = shown ? (int)(level * 7 + 0.5) : 0;
        out = append(out, !shown ? " " : t->unicode ? blocks[index] : ascii[index]);
    }
}

void progress_bar(char *out, const terminal *t, double share, size_t width)
{
    size_t filled = (size_t)(fmin(fmax(share, 0), 1) * (double)width + 0.5);
    out[0] = '\0';
    for (size_t i = 0; i < width; i++) {
        out = append(out, i < filled ? (t->unicode ? "━" : "=") : (t->unicode ? "─" : "."));
    }
}

/* ---- numbers for people ------------------------------------------------------------------------------------------ */

const char *number_text(char *out, double value)
{
    char digits[32];
    if (!(value >= 0 && value < 1e15)) {
        snprintf(out, NUMBER_SIZE, "%.3g", value);
        return out;
    }
    size_t count = (size_t)snprintf(digits, sizeof digits, "%.0f", value), used = 0;
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && (count - i) % 3 == 0) {
            out[used++] = ',';
        }
        out[used++] = digits[i];
    }
    out[used] = '\0';
    return out;
}

const char *rate_text(char *out, double per_second)
{
    if (!(per_second > 0 && per_second < 1e15)) {
        snprintf(out, NUMBER_SIZE, "-");
        return out;
    }
    double unit = pow(10, floor(log10(per_second)) - 2);
    return number_text(out, unit > 1 ? round(per_second / unit) * unit : per_second);
}

const char *duration_text(char *out, double seconds)
{
    if (!(seconds >= 0 && seconds < 1e9)) {
        snprintf(out, NUMBER_SIZE, "-");
    } else if (seconds < 0.0995) {
        snprintf(out, NUMBER_SIZE, seconds < 0.000995 ? "%.3g us" : "%.3g ms",
                 seconds * (seconds < 0.000995 ? 1e6 : 1e3));
    } else if (seconds < 99.5) {
        snprintf(out, NUMBER_SIZE, seconds < 9.95 ? "%.1f s" : "%.0f s", seconds);
    } else if (seconds < 3600) {
        snprintf(out, NUMBER_SIZE, "%d min %02d s", (int)seconds / 60, (int)seconds % 60);
    } else {
        snprintf(out, NUMBER_SIZE, "%ld h %02d min", (long)seconds / 3600, (int)((long)seconds / 60 % 60));
    }
    return out;
}

const char *bytes_text(char *out, double bytes)
{
    static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB"};
    size_t unit = 0;
    while (bytes >= 999.5 && unit < 4) {
        bytes /= 1000;
        unit++;
    }
    snprintf(out, NUMBER_SIZE, unit == 0 || bytes >= 99.95 ? "%.0f %s" : "%.1f %s", bytes, units[unit]);
    return out;
}

const char *percent_text(char *out, double share)
{
    if (isfinite(share)) {
        snprintf(out, NUMBER_SIZE, "%.2f %%", share * 100);
    } else {
        snprintf(out, NUMBER_SIZE, "-");
    }
    return out;
}

const char *loss_text(char *out, double loss)
{
    if (isfinite(loss)) {
        snprintf(out, NUMBER_SIZE, loss >= 1e5 || (loss != 0 && fabs(loss) < 1e-4) ? "%.3e" : "%.4f", loss);
    } else {
        snprintf(out, NUMBER_SIZE, "-");
    }
    return out;
}
