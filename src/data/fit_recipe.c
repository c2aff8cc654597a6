/* fit_recipe.c - what is done with a table when nobody says otherwise. One table; the experiment behind it is in
 * docs/performance.md. */
#include "backprop/io.h"

enum { CLASSES = 1u << BP_TABLE_CLASSIFY | 1u << BP_TABLE_MULTILABEL, NUMBERS = 1u << BP_TABLE_REGRESS };

/* In order of size. Rows of one size have one share to be watched: it is chosen before the task is known. */
static const struct {
    size_t rows;    /* at most so many to train on */
    unsigned tasks; /* bit 1 << bp_table_task */
    bp_fit_recipe recipe;
} recipes[] = {
    {1000,
     CLASSES,
     {"up to 1,000 rows, classes",
      "dense 64 silu, dense 64 silu",
      BP_ADAM,
      0.01,
      {10, 2},
      "dense 256 relu",
      "cosine",
      32,
      80,
      30,
      0.15,
      5}},
    {1000,
     NUMBERS,
     {"up to 1,000 rows, numbers",
      "dense 64 relu, dropout 0.2, dense 64 relu, dropout 0.2",
      BP_ADAM,
      0.01,
      {3, 10},
      NULL,
      "cosine",
      32,
      100,
      30,
      0.15,
      5}},
    {10000,
     CLASSES,
     {"up to 10,000 rows, classes",
      "dense 128 relu, dense 128 relu",
      BP_ADAM,
      0.01,
      {10, 0.3},
      NULL,
      "cosine",
      64,
      50,
      15,
      0.1,
      3}},
    {10000,
     NUMBERS,
     {"up to 10,000 rows, numbers",
      "dense 128 relu, dropout 0.2, dense 64 relu, dropout 0.1",
      BP_ADAM,
      0.01,
      {3},
      NULL,
      "cosine",
      64,
      40,
      15,
      0.1,
      3}},
    {SIZE_MAX,
     CLASSES,
     {"more rows, classes", "dense 64 silu, dense 64 silu", BP_ADAM, 0.005, {10}, NULL, "cosine", 256, 15, 5, 0.1, 0}},
    {SIZE_MAX,
     NUMBERS,
     {"more rows, numbers",
      "dense 128 silu, dense 64 silu, dense 32 silu",
      BP_ADAM,
      0.01,
      {0},
      NULL,
      "cosine",
      128,
      40,
      10,
      0.1,
      0}},
};
enum { RECIPES = sizeof recipes / sizeof *recipes };

bp_fit_recipe bp_fit_recipe_at(size_t index)
{
    return index < RECIPES ? recipes[index].recipe : (bp_fit_recipe){0};
}

bp_fit_recipe bp_fit_recipe_for(size_t rows, bp_table_task task)
{
    size_t i = 0;
    while (rows > recipes[i].rows || (task != BP_TABLE_AUTO && (recipes[i].tasks >> task & 1u) == 0)) {
        i++; /* ends: the last rows of the table take any number and every task */
    }
    return recipes[i].recipe;
}
