/* table.c - from a CSV file to predictions: read, fit, evaluate, explain, predict. The data are apartments made up here: the price
 * follows from size, district and floor, and some cells are empty. */
#include <backprop/io.h>
#include <stdio.h>
#include <stdlib.h>

static void must(bp_status status)
{
    if (status != BP_OK) {
        fprintf(stderr, "%s\n", bp_error());
        exit(1);
    }
}

static unsigned draw(unsigned *state, unsigned below)
{
    *state = *state * 1664525U + 1013904223U;
    return (*state >> 8) % below;
}

static void write_apartments(const char *path, int rows, unsigned seed)
{
    static const char *const district[] = {"harbour", "hill", "old town", "station"};
    static const int worth[] = {900, 1800, 1300, 600};
    FILE *f = fopen(path, "w");
    if (f == NULL) {
        exit(1);
    }
    fprintf(f, "district,size,floor,price\n");
    for (int i = 0; i < rows; i++) {
        unsigned d = draw(&seed, 4), size = 25 + draw(&seed, 120), floor = draw(&seed, 9);
        fprintf(f, "%s,", district[d]);
        if (draw(&seed, 20) > 0) {
            fprintf(f, "%u", size);
        }
        fprintf(f, ",%u,%u\n", floor, size * (unsigned)worth[d] + floor * 4000 + draw(&seed, 5000));
    }
    fclose(f);
}

int main(void)
{
    write_apartments("apartments.csv", 3000, 1);
    write_apartments("more-apartments.csv", 500, 2);

    /* The whole job: columns prepared, a network chosen, trained with early stopping. */
    bp_table *table, *more;
    bp_table_options reading = bp_table_defaults();
    must(bp_table_read(&table, "apartments.csv", &reading));
    bp_fit_options how = bp_fit_defaults();
    const char *target[] = {"price"};
    how.prepare.target = (bp_columns){target, 1};
    bp_fit *fit;
    must(bp_table_fit(&fit, table, NULL, bp_table_rows(table), &how));

    /* Other rows, prepared as those were. */
    bp_dataset *rows;
    bp_evaluation *e;
    reading = bp_preparation_reading(fit->preparation, true);
    must(bp_table_read(&more, "more-apartments.csv", &reading));
    must(bp_preparation_apply(&rows, fit->preparation, more, NULL, bp_table_rows(more), true, NULL, NULL));
    must(bp_evaluate(&e, fit->model, &rows->train, 0));
    printf("R2 of %zu other apartments: %.3f\n", e->rows, e->r2);

    /* What the prices hang on. */
    bp_importance *importance;
    must(bp_importance_measure(&importance, fit->model, more, NULL));
    for (size_t i = 0; i < importance->count; i++) {
        printf("without %-8s R2 falls by %.3f\n", importance->row[i].column, importance->row[i].score);
    }

    /* The price of one of them. */
    bp_predictor *p;
    float price;
    must(bp_predictor_new(&p, fit->model, 1, 1));
    must(bp_predict_data(p, &price, &rows->train, 0, 1));
    printf("%s, %g square metres: %.0f, offered for %.0f\n", bp_table_text(more, 0, 0), bp_table_number(more, 0, 1),
           (double)price, bp_table_number(more, 0, 3));

    int code = e->r2 > 0.9 && importance->count == 3 && importance->row[2].score < importance->row[0].score ? 0 : 1;
    bp_predictor_free(p);
    bp_importance_free(importance);
    bp_evaluation_free(e);
    bp_dataset_free(rows);
    bp_fit_free(fit);
    bp_table_free(more);
    bp_table_free(table);
    return code;
}
