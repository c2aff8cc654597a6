/* csv_words.c - words that stand for "no value", in capital or small letters. */
#include "data/csv.h"

static const char defaults[] = "NA,N/A,#N/A,<NA>,NaN,-NaN,null,?";

static char to_small(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static char to_capital(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - ('a' - 'A')) : c;
}

/* A word of the list, without blanks around it. */
static void add_word(bp_words *w, char *begin, char *end)
{
    while (begin < end && *begin == ' ') {
        begin++;
    }
    while (end > begin && end[-1] == ' ') {
        end--;
    }
    *end = '\0';
    if (begin == end) {
        return;
    }
    size_t n = (size_t)(end - begin);
    w->longest = n > w->longest ? n : w->longest;
    w->first[(unsigned char)*begin] = w->first[(unsigned char)to_capital(*begin)] = true;
    w->word[w->count++] = begin;
}

bp_status bp_words_init(bp_words *w, const char *list, const bp_allocator *a)
{
    *w = (bp_words){.allocator = *a};
    list = list ? list : defaults;
    size_t most = 1;
    for (const char *p = list; *p; p++) {
        most += *p == ',';
    }
    w->text = bp_strdup(a, list);
    w->word = bp_alloc(a, most, sizeof *w->word);
    if (!w->text || !w->word) {
        bp_words_free(w);
        return BP_ERR_MEMORY;
    }
    for (char *p = w->text; *p; p++) {
        *p = to_small(*p);
    }
    char *begin = w->text, *end = begin + strlen(begin);
    for (char *p = begin; p <= end; p++) {
        if (*p == ',' || p == end) {
            add_word(w, begin, p);
            begin = p + 1;
        }
    }
    return BP_OK;
}

void bp_words_free(bp_words *w)
{
    bp_release(&w->allocator, w->text);
    bp_release(&w->allocator, w->word);
    *w = (bp_words){.allocator = w->allocator};
}

bool bp_words_have(const bp_words *w, const char *text, size_t bytes)
{
    for (size_t i = 0; i < w->count; i++) {
        const char *word = w->word[i];
        size_t n = 0;
        while (n < bytes && word[n] && to_small(text[n]) == word[n]) {
            n++;
        }
        if (n == bytes && word[n] == '\0') {
            return true;
        }
    }
    return false;
}
