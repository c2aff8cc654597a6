/* c_source_text.c - text of C: code from templates, literals that read back exactly, tables, names. */
#include "format/c_source.h"

#include <stdio.h>
#include <string.h>

#include "base/decimal.h"

/* ---- Code -------------------------------------------------------------------------------------------------------- */

static void write_bytes(bp_c_file *f, const char *text, size_t bytes)
{
    if (f->status == BP_OK) {
        f->status = bp_writer_write(f->writer, text, bytes);
    }
}

void bp_c_raw(bp_c_file *f, const char *text)
{
    write_bytes(f, text, strlen(text));
}

/* What a character of a template stands for; NULL: itself. */
static const char *stands_for(const bp_c_file *f, char c)
{
    switch (c) {
    case '@':
        return f->name;
    case '$':
        return f->upper;
    case '~':
        return f->wide ? "double" : "float";
    case '^':
        return f->wide ? "" : "f";
    default:
        return NULL;
    }
}

void bp_c_put(bp_c_file *f, const char *format, ...)
{
    char text[2048];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (f->status == BP_OK && (n < 0 || (size_t)n >= sizeof text)) {
        f->status = bp_fail(BP_ERR_STATE, "exporting C: a piece of source of %d bytes is too long", n);
        return;
    }
    for (const char *at = text; *at;) {
        size_t plain = strcspn(at, "@$~^");
        write_bytes(f, at, plain);
        at += plain;
        if (*at) {
            bp_c_raw(f, stands_for(f, *at++));
        }
    }
}

/* ---- Texts of users ---------------------------------------------------------------------------------------------- */

/* Octal escapes end after three digits whatever follows; "??" could begin a trigraph. */
void bp_c_string(bp_c_file *f, const char *text)
{
    bp_c_raw(f, "\"");
    f->constants += strlen(text) + 1;
    for (; *text; text++) {
        char piece[8] = {*text, '\0'};
        unsigned char byte = (unsigned char)*text;
        if (byte == '"' || byte == '\\' || byte == '?') {
            snprintf(piece, sizeof piece, "\\%c", *text);
        } else if (byte < ' ' || byte == 127) {
            snprintf(piece, sizeof piece, "\\%03o", (unsigned)byte);
        }
        bp_c_raw(f, piece);
    }
    bp_c_raw(f, "\"");
}

void bp_c_remark(bp_c_file *f, const char *text)
{
    for (; *text; text++) {
        bool risky = (unsigned char)*text < ' ' || *text == 127 || *text == '\\' || *text == '?';
        bool end = (text[0] == '*' && text[1] == '/') || (text[0] == '/' && text[1] == '*');
        char piece[2] = {risky ? ' ' : *text, '\0'};
        bp_c_raw(f, piece);
        bp_c_raw(f, end ? " " : "");
    }
}

/* Words of C and C++, and what their headers, those of any compiler, define as macros. */
static const char *const keywords[] = {"DOMAIN",    "HUGE",      "HUGE_VAL",      "HUGE_VALF",    "HUGE_VALL",
                                       "INFINITY",  "MAXFLOAT",  "NAN",           "NULL",         "OVERFLOW",
                                       "PLOSS",     "SING",      "TLOSS",         "UNDERFLOW",    "errno",
                                       "M_1_PI",    "M_2_PI",    "M_2_SQRTPI",    "M_E",          "M_LN10",
                                       "M_LN2",     "M_LOG10E",  "M_LOG2E",       "M_PI",         "M_PI_2",
                                       "M_PI_4",    "M_SQRT1_2", "M_SQRT2",       "alignas",      "alignof",
                                       "and",       "and_eq",    "asm",           "assert",       "auto",
                                       "bitand",    "bitor",     "bool",          "break",        "case",
                                       "catch",     "char",      "char8_t",       "char16_t",     "char32_t",
                                       "class",     "compl",     "concept",       "const",        "consteval",
                                       "constexpr", "constinit", "const_cast",    "continue",     "co_await",
                                       "co_return", "co_yield",  "decltype",      "default",      "delete",
                                       "do",        "double",    "dynamic_cast",  "else",         "enum",
                                       "explicit",  "export",    "extern",        "false",        "far",
                                       "float",     "for",       "friend",        "goto",         "if",
                                       "inline",    "int",       "linux",         "long",         "mutable",
                                       "namespace", "near",      "new",           "noexcept",     "not",
                                       "not_eq",    "nullptr",   "operator",      "or",           "or_eq",
                                       "private",   "protected", "public",        "register",     "reinterpret_cast",
                                       "requires",  "restrict",  "return",        "short",        "signed",
                                       "sizeof",    "static",    "static_assert", "static_cast",  "struct",
                                       "switch",    "template",  "this",          "thread_local", "throw",
                                       "true",      "try",       "typedef",       "typeid",       "typename",
                                       "typeof",    "union",     "unix",          "unsigned",     "using",
                                       "virtual",   "void",      "volatile",      "wchar_t",      "while",
                                       "xor",       "xor_eq"};

static bool is_keyword(const char *name)
{
    for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++) {
        if (strcmp(keywords[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool bp_c_is_identifier(const char *name)
{
    bool valid = is_letter(*name) && strlen(name) < BP_C_NAME / 2 && !is_keyword(name);
    for (const char *at = name; *at; at++) {
        valid = valid && (is_letter(*at) || is_digit(*at) || *at == '_');
    }
    return valid;
}

void bp_c_identifier(char out[BP_C_NAME], const char *text, bool capitals)
{
    size_t n = 0, most = BP_C_NAME / 2;
    for (; *text && n < most; text++) {
        if (is_letter(*text) || is_digit(*text)) {
            bool raise = capitals && *text >= 'a' && *text <= 'z';
            out[n++] = (char)(raise ? *text - 'a' + 'A' : *text);
        } else if (n > 0 && out[n - 1] != '_') {
            out[n++] = '_';
        }
    }
    n -= n > 0 && out[n - 1] == '_';
    if (n == 0) {
        out[n++] = capitals ? 'X' : 'x';
    }
    if (is_digit(*out) && !capitals) { /* capitals stand behind a name */
        memmove(out + 1, out, n++);
        *out = 'x';
    }
    out[n] = '\0';
    if (!capitals && is_keyword(out)) {
        out[n++] = '_';
        out[n] = '\0';
    }
}

/* ---- Numbers ----------------------------------------------------------------------------------------------------- */

const char *bp_c_literal(char out[BP_C_LITERAL], double value, bool wide)
{
    char text[BP_DECIMAL_SIZE];
    bp_decimal_text(text, wide ? value : (double)(float)value, wide ? BP_F64 : BP_F32);
    snprintf(out, BP_C_LITERAL, "%s%s%s", text, strpbrk(text, ".e") ? "" : ".0", wide ? "" : "f");
    return out;
}

enum { PER_LINE = 8, BYTES_PER_LINE = 24 };

static void separate(bp_c_file *f, size_t i, size_t per_line)
{
    bp_c_raw(f, i == 0 ? "" : i % per_line == 0 ? ",\n     " : ", ");
}

void bp_c_list(bp_c_file *f, const double *value, size_t count, bool wide)
{
    char text[BP_C_LITERAL];
    bp_c_raw(f, "{");
    for (size_t i = 0; i < count; i++) {
        separate(f, i, PER_LINE);
        bp_c_raw(f, bp_c_literal(text, value[i], wide));
    }
    bp_c_raw(f, "}");
    f->constants += count * (wide ? sizeof(double) : sizeof(float));
}

void bp_c_bytes(bp_c_file *f, const int8_t *value, size_t count)
{
    bp_c_raw(f, "{");
    for (size_t i = 0; i < count; i++) {
        char text[8];
        separate(f, i, BYTES_PER_LINE);
        snprintf(text, sizeof text, "%d", value[i]);
        bp_c_raw(f, text);
    }
    bp_c_raw(f, "}");
    f->constants += count;
}

void bp_c_table(bp_c_file *f, const char *name, const double *value, size_t count, bool wide)
{
    bp_c_put(f, "static const %s @_%s[%zu] = ", wide ? "double" : "float", name, count);
    bp_c_list(f, value, count, wide);
    bp_c_raw(f, ";\n");
}
