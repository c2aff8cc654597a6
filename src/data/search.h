/* search.h - the inside of the search for a setting: candidates (search_setting.c), one of them tried (search_trial.c),
 * scores on disk (search_state.c), rungs (search.c). */
#ifndef BP_SEARCH_H
#define BP_SEARCH_H

#include "data/fit.h"

enum { BP_SETTING_TEXT = 512, BP_SETTING_NET = 96 }; /* bytes; NET: of a net that was drawn */

/* How many candidates are what would be done without a search: 1, or 2 where the recipe proposes two things. */
size_t bp_setting_defaults(const bp_fit *f, unsigned fixed);
/* Candidate `index` (0: the setting of f) of the search on f. net: BP_SETTING_NET bytes that live as long as the setting. */
bp_setting bp_setting_draw(char *net, const bp_fit *f, unsigned fixed, size_t index);
/* Everything in it, for the state of a search. Returns out, BP_SETTING_TEXT bytes. */
const char *bp_setting_text(char *out, const bp_setting *s);
/* Puts the setting into the options of a run like that of f. */
void bp_setting_apply(bp_train_options *run, const bp_fit *f, const bp_setting *s);
/* The options of a fit like f with that setting. */
bp_fit_options bp_setting_options(const bp_fit *f, const bp_setting *s);

/* What candidates with one rule for numbers are trained on and measured on, without one of the folds. */
typedef struct bp_search_ground {
    bp_fit *fit;
    bp_dataset *held; /* the rows of the fold; NULL: the validation rows of the fit decide */
} bp_search_ground;
/* of_row: the fold of each row; NULL: no folds. */
bp_status bp_search_ground_new(bp_search_ground *g, const bp_fit *f, bp_numbers_rule rule, const uint32_t *of_row,
                               size_t fold);
void bp_search_ground_free(bp_search_ground *g);

/* One training. */
typedef struct bp_search_trial {
    const bp_fit *f;
    const bp_search_ground *ground;
    const bp_setting *setting;
    double share; /* of the epochs, or of steps where there are fewer epochs than that */
    bool (*on_step)(void *ctx, const bp_progress *p);
    void *ctx;
    bool finished;              /* not stopped by on_step; then: */
    double loss, measure, rows; /* loss infinite: diverged */
} bp_search_trial;
bp_status bp_search_try(bp_search_trial *t);
/* Whether the measure is the balanced accuracy: who weighs classes wants them to count alike. */
bool bp_search_balanced(const bp_fit *f);

/* What a candidate was worth in one rung. */
typedef struct bp_score {
    bool known;
    double loss, measure; /* loss infinite: diverged */
} bp_score;

/* The scores of a search, candidate by candidate, and the file that they are kept in. */
typedef struct bp_search_scores {
    size_t candidates, rungs;
    bp_score *score; /* candidates x rungs */
} bp_search_scores;

/* One thing that must be the same for a search to go on. */
typedef struct bp_search_fact {
    const char *name;
    char text[200];
} bp_search_fact;
enum { BP_SEARCH_FACTS = 9 };

typedef struct bp_search_state {
    const char *path; /* NULL: nothing is kept */
    bp_search_fact fact[BP_SEARCH_FACTS];
    size_t facts;
    const bp_setting *setting; /* candidates */
    bp_allocator allocator;
} bp_search_state;

/* What belongs to the search: data, network, training, the number of candidates, folds. */
bp_status bp_search_describe(bp_search_state *s, const bp_fit *f, size_t candidates, size_t folds);
/* Reads the scores that the file has, if there is one, and checks that they are of this search. */
bp_status bp_search_read(bp_search_scores *scores, const bp_search_state *s);
/* Writes the file anew: the old one or the new one is there, never half of one. */
bp_status bp_search_write(const bp_search_state *s, const bp_search_scores *scores);

#endif
