/* gemm.c - matrix products: tiles of C held in registers.
 *
 * Every element of C is one chain of fused multiply-adds, k ascending, starting at 0 or, with accumulate, at C. A chain
 * may pause in memory between blocks of k (storing and loading a partial sum rounds nothing), so neither tiling nor
 * blocking changes a bit.
 *
 * One tile kernel serves the three forms. It multiplies `rows` rows of A, whose elements it broadcasts and which may
 * have any strides (TN: A by columns), with a panel of B, `vecs` vectors wide. Where several tiles use a panel, the first
 * one copies it to the stack on the way, in blocks of k that fit into the cache; the stores hide behind the multiply-adds.
 * Panels of NT are transposed beforehand, also to the stack. A single tile reads B where it lies. */
#include "kernel/sets.h"
#include "kernel/vector/set.h"
#include "kernel/vector/simd.h"

/* Tile sizes: rows x vecs accumulators, one panel row and one broadcast must fit into the registers; at least 8 chains
 * are needed to hide the latency of two multiply-add units (4 cycles each). */
#if BP_REGISTERS == 32
enum { VECS = 4 };
static const size_t ROWS_CAP[VECS + 1] = {0, 12, 12, 8, 6};
#else
enum { VECS = 2 };
static const size_t ROWS_CAP[VECS + 1] = {0, 12, 6};
#endif
/* Panels for so few rows are wider, for chains enough, and to read B once, in long rows. */
enum { WIDE_ROWS = 3, WIDE_VECS = 8 };
#if BP_REGISTERS == 32
static const size_t WIDEST[WIDE_ROWS + 1] = {VECS, 8, 8, 8};
#else
static const size_t WIDEST[WIDE_ROWS + 1] = {VECS, 8, 4, 3};
#endif
enum {
    MAX_ROWS = 12,
    FEW_COLS = WIDE_ROWS,                        /* columns left over that are better turned, */
    FEW_ROWS = 4 * VL,                           /* where C has at least so many rows */
    MOST_PACKED = 96 * 1024 / (int)sizeof(real), /* elements of a copied panel: fits into the second-level cache */
};

typedef struct tile_job {
    size_t k;
    const real *a; /* element (r, p) at a + r a_row + p a_step */
    size_t a_row, a_step;
    const real *b; /* row p at b + p b_step */
    size_t b_step;
    real *c;
    size_t c_row;
    real *copy;       /* receives the panel, padded: vecs * VL elements a row; only for packing tiles */
    size_t last;      /* columns in the last vector, 1 .. VL */
    bool cut;         /* the panel of B ends with those, it is not padded */
    bool load;        /* the chains continue from C */
    const real *bias; /* added at the end, or NULL */
    real *z;          /* receives the sums before relu, or NULL */
    size_t z_row;
    bool relu;
} tile_job;

/* ---- The tile kernel --------------------------------------------------------------------------------------------- */

BP_INLINE void tile_store(const tile_job *t, int r, int v, bool last, bool plain, vec sum)
{
    size_t at = (size_t)v * VL, n = last ? t->last : VL;
    if (plain) {
        v_store_upto(t->c + (size_t)r * t->c_row + at, sum, n);
        return;
    }
    if (t->bias) {
        sum = sum + v_load_upto(t->bias + at, n);
    }
    if (t->z) {
        v_store_upto(t->z + (size_t)r * t->z_row + at, sum, n);
    }
    if (t->relu) {
        sum = v_max(v_set(0), sum);
    }
    v_store_upto(t->c + (size_t)r * t->c_row + at, sum, n);
}

BP_INLINE void tile_stores(const tile_job *t, const int rows, const int vecs, const bool plain,
                           vec sum[MAX_ROWS][WIDE_VECS])
{
    UNROLL for (int r = 0; r < rows; r++)
    {
        UNROLL for (int v = 0; v < vecs; v++)
        {
            tile_store(t, r, v, v == vecs - 1, plain, sum[r][v]);
        }
    }
}

/* rows, vecs, cut and pack are constants where this is inlined: the accumulators live in registers. cut: the panel is not
 * padded, its last vector has t->last columns. pack: the panel is copied on the way; the stores hide behind the
 * multiply-adds. */
BP_INLINE void tile_run(const tile_job *t, const int rows, const int vecs, const bool cut, const bool pack)
{
    vec sum[MAX_ROWS][WIDE_VECS];
    UNROLL for (int r = 0; r < rows; r++)
    {
        UNROLL for (int v = 0; v < vecs; v++)
        {
            const real *c = t->c + (size_t)r * t->c_row + (size_t)v * VL;
            sum[r][v] = t->load ? v_load_upto(c, v == vecs - 1 ? t->last : VL) : v_set(0);
        }
    }
    const real *a = t->a, *b = t->b;
    real *copy = t->copy;
    const size_t a_row = t->a_row, a_step = t->a_step, b_step = t->b_step, last = t->last;
    for (size_t p = t->k; p > 0; p--) {
        vec bp[WIDE_VECS];
        UNROLL for (int v = 0; v < vecs; v++)
        {
            bp[v] = cut && v == vecs - 1 ? v_load_n(b + v * VL, last) : v_load(b + v * VL);
            if (pack) {
                v_store(copy + v * VL, bp[v]);
            }
        }
        UNROLL for (int r = 0; r < rows; r++)
        {
            const vec ar = v_set(a[(size_t)r * a_row]);
            UNROLL for (int v = 0; v < vecs; v++)
            {
                sum[r][v] = v_fma(ar, bp[v], sum[r][v]);
            }
        }
        a += a_step;
        b += b_step;
        copy += pack ? vecs * VL : 0;
    }
    const bool plain = !t->bias && !t->z && !t->relu;
    if (plain) {
        tile_stores(t, rows, vecs, true, sum);
    } else {
        tile_stores(t, rows, vecs, false, sum);
    }
}

/* All tile shapes, X(rows, vecs). */
#define TILES_1_TO_6(X, vecs)  X(1, vecs) X(2, vecs) X(3, vecs) X(4, vecs) X(5, vecs) X(6, vecs)
#define TILES_7_TO_12(X, vecs) X(7, vecs) X(8, vecs) X(9, vecs) X(10, vecs) X(11, vecs) X(12, vecs)
#if BP_REGISTERS == 32
#define PANEL_TILES(X)                                                                                                 \
    TILES_1_TO_6(X, 1)                                                                                                 \
    TILES_7_TO_12(X, 1)                                                                                                \
    TILES_1_TO_6(X, 2) TILES_7_TO_12(X, 2) TILES_1_TO_6(X, 3) X(7, 3) X(8, 3) TILES_1_TO_6(X, 4)
#define WIDE_TILES(X) X(1, 5) X(2, 5) X(3, 5) X(1, 6) X(2, 6) X(3, 6) X(1, 7) X(2, 7) X(3, 7) X(1, 8) X(2, 8) X(3, 8)
#else
#define PANEL_TILES(X) TILES_1_TO_6(X, 1) TILES_7_TO_12(X, 1) TILES_1_TO_6(X, 2)
#define WIDE_TILES(X)  X(1, 3) X(2, 3) X(3, 3) X(1, 4) X(2, 4) X(1, 5) X(1, 6) X(1, 7) X(1, 8)
#endif
#define TILES(X) PANEL_TILES(X) WIDE_TILES(X)

#define X(rows, vecs)                                                                                                  \
    static void tile_##rows##x##vecs(const tile_job *t)                                                                \
    {                                                                                                                  \
        tile_run(t, rows, vecs, false, false);                                                                         \
    }
TILES(X)
#undef X

typedef void (*tile_fn)(const tile_job *t);
#define X(rows, vecs) [vecs][rows] = tile_##rows##x##vecs,
static const tile_fn tiles[WIDE_VECS + 1][MAX_ROWS + 1] = {TILES(X)};
#undef X

/* The first tile of a panel copies it for those below. */
#define X(rows, vecs)                                                                                                  \
    static void packing_tile_##rows##x##vecs(const tile_job *t)                                                        \
    {                                                                                                                  \
        if (t->last == VL) {                                                                                           \
            tile_run(t, rows, vecs, false, true);                                                                      \
        } else {                                                                                                       \
            tile_run(t, rows, vecs, true, true);                                                                       \
        }                                                                                                              \
    }
PANEL_TILES(X)
#undef X
#define X(rows, vecs) [vecs][rows] = packing_tile_##rows##x##vecs,
static const tile_fn packing_tiles[VECS + 1][MAX_ROWS + 1] = {PANEL_TILES(X)};
#undef X

/* Tiles of few rows read panels where they lie, even if they end in the middle of a vector: copying would cost as much as
 * the product. */
#if BP_REGISTERS == 32
#define MORE_CUT_TILES(X) X(1, 3) X(2, 3) X(3, 3) X(1, 4) X(2, 4) X(3, 4)
#else
#define MORE_CUT_TILES(X)
#endif
#define CUT_TILES(X) X(1, 1) X(2, 1) X(3, 1) X(1, 2) X(2, 2) X(3, 2) MORE_CUT_TILES(X) WIDE_TILES(X)
#define X(rows, vecs)                                                                                                  \
    static void cut_tile_##rows##x##vecs(const tile_job *t)                                                            \
    {                                                                                                                  \
        tile_run(t, rows, vecs, true, false);                                                                          \
    }
CUT_TILES(X)
#undef X
#define X(rows, vecs) [vecs][rows] = cut_tile_##rows##x##vecs,
static const tile_fn cut_tiles[WIDE_VECS + 1][WIDE_ROWS + 1] = {CUT_TILES(X)};
#undef X

/* ---- Panels ------------------------------------------------------------------------------------------------------ */

/* A panel of columns: `vecs` vectors, `cols` columns from `first` on. */
typedef struct panel {
    size_t first, cols, vecs;
} panel;

static panel next_panel(size_t first, size_t n, size_t widest)
{
    size_t left = n - first, width = widest * VL;
    size_t cols = left < width ? left : width;
    return (panel){first, cols, (cols + VL - 1) / VL};
}

/* The transpose of `cols` rows of k elements: row p of the panel holds their elements p, padded with zeros. */
static void pack_transposed(real *to, const real *from, size_t ld, size_t k, const panel *pn)
{
    size_t width = pn->vecs * VL;
    for (size_t c = 0; c < width; c += VL) {
        for (size_t p = 0; p < k; p += VL) {
            size_t steps = k - p < VL ? k - p : VL;
            vec block[VL];
            for (size_t i = 0; i < VL; i++) {
                block[i] = c + i < pn->cols ? v_load_upto(from + (c + i) * ld + p, steps) : v_set(0);
            }
            v_transpose(block);
            for (size_t i = 0; i < steps; i++) {
                v_store(to + (p + i) * width + c, block[i]);
            }
        }
    }
}

/* ---- The three forms --------------------------------------------------------------------------------------------- */

/* Rows are shared out evenly: 13 rows in tiles of at most 12 are 7 + 6. */
static size_t tile_rows(size_t rows, size_t done, size_t cap)
{
    size_t left = rows - done, count = (left + cap - 1) / cap;
    return (left + count - 1) / count;
}

/* k steps in blocks of at most `most`, a multiple of VL, all about as long; whole vectors of steps, for NT. */
static size_t even_block(size_t k, size_t most)
{
    size_t blocks = (k + most - 1) / most;
    return blocks > 1 ? ((k + blocks - 1) / blocks + VL - 1) / VL * VL : k;
}

/* Which tile takes the next `rows` rows of the panel. */
static tile_fn tile_for(const tile_job *t, const panel *pn, size_t rows)
{
    return t->copy ? packing_tiles[pn->vecs][rows] : t->cut ? cut_tiles[pn->vecs][rows] : tiles[pn->vecs][rows];
}

/* All rows of one panel, steps p0 .. p0 + k of the sum. Where t->copy is set, the first tile fills it. */
BP_INLINE void panel_rows(const bp_gemm *g, tile_job *t, const panel *pn, size_t p0, size_t k)
{
    const bool last_block = p0 + k == g->k;
    const bool mapped = last_block && g->map != BP_MAP_LINEAR && g->map != BP_MAP_RELU;
    const real *bias = g->bias;
    t->k = k;
    t->load = g->accumulate || p0 > 0;
    t->bias = last_block && bias ? bias + pn->first : NULL;
    t->relu = last_block && g->map == BP_MAP_RELU;
    for (size_t i = 0; i < g->m;) {
        size_t rows = tile_rows(g->m, i, pn->vecs <= VECS ? ROWS_CAP[pn->vecs] : WIDE_ROWS);
        t->a = (const real *)g->a.p + i * t->a_row + p0 * t->a_step;
        t->c = row_of(g->c, i) + pn->first;
        t->z = last_block && g->z.p ? row_of(g->z, i) + pn->first : NULL;
        tile_for(t, pn, rows)(t);
        if (mapped) {
            bp_cmat c = {t->c, g->c.ld};
            NAME(bp_kernels).map[g->map](rows, pn->cols, (bp_mat){t->c, g->c.ld}, c, g->map_a);
        }
        if (t->copy) {
            t->b = t->copy;
            t->b_step = pn->vecs * VL;
            t->copy = NULL;
        }
        i += rows;
    }
}

static void panels(const bp_gemm *g)
{
    real copy[MOST_PACKED] __attribute__((aligned(64)));
    const bool wide = g->m <= WIDE_ROWS, turned = g->form == BP_GEMM_NT;
    tile_job t = {.a_row = g->form == BP_GEMM_TN ? 1 : g->a.ld,
                  .a_step = g->form == BP_GEMM_TN ? g->a.ld : 1,
                  .c_row = g->c.ld,
                  .z_row = g->z.ld};
    for (size_t first = 0; first < g->n;) {
        panel pn = next_panel(first, g->n, wide ? WIDEST[g->m] : VECS);
        const bool whole = pn.cols % VL == 0, copied = turned || (!wide && (!whole || g->m > ROWS_CAP[pn.vecs]));
        const size_t block = copied ? even_block(g->k, MOST_PACKED / (pn.vecs * VL)) : g->k;
        t.cut = !copied && !whole;
        t.last = pn.cols - (pn.vecs - 1) * VL;
        size_t p0 = 0;
        do {
            size_t k = g->k - p0 < block ? g->k - p0 : block;
            const real *b = (const real *)g->b.p + (turned ? first * g->b.ld + p0 : p0 * g->b.ld + first);
            if (turned) {
                pack_transposed(copy, b, g->b.ld, k, &pn);
            }
            t.b = turned ? copy : b;
            t.b_step = turned ? pn.vecs * VL : g->b.ld;
            t.copy = copied && !turned ? copy : NULL;
            panel_rows(g, &t, &pn, p0, k);
            p0 += k;
        } while (p0 < g->k);
        first += pn.cols;
    }
}

/* The last columns of a weight gradient, too few to fill a vector: their transpose, where it is the rows of C that fill
 * vectors, in strips that fit on the stack. Each element is the same chain of multiply-adds. */
static void few_columns(const bp_gemm *g, size_t first)
{
    enum { STRIP = 1024 };
    real turned[FEW_COLS * STRIP] __attribute__((aligned(64)));
    const size_t count = g->n - first;
    for (size_t i = 0; i < g->m; i += STRIP) {
        const size_t rows = g->m - i < STRIP ? g->m - i : STRIP;
        real *c = row_of(g->c, i) + first;
        for (size_t r = 0; g->accumulate && r < rows; r++) {
            for (size_t j = 0; j < count; j++) {
                turned[j * STRIP + r] = c[r * g->c.ld + j];
            }
        }
        panels(&(bp_gemm){.form = BP_GEMM_TN,
                          .m = count,
                          .n = rows,
                          .k = g->k,
                          .a = {(const real *)g->b.p + first, g->b.ld},
                          .b = {(const real *)g->a.p + i, g->a.ld},
                          .c = {turned, STRIP},
                          .accumulate = g->accumulate});
        for (size_t r = 0; r < rows; r++) {
            for (size_t j = 0; j < count; j++) {
                c[r * g->c.ld + j] = turned[j * STRIP + r];
            }
        }
    }
}

void NAME(bp_gemm)(const bp_gemm *g)
{
    const size_t rest = g->n % VL;
    const bool bare = !g->bias && !g->z.p && g->map == BP_MAP_LINEAR;
    if (g->form == BP_GEMM_TN && bare && rest > 0 && rest <= FEW_COLS && g->n > VL && g->m >= FEW_ROWS) {
        bp_gemm whole = *g;
        whole.n -= rest;
        panels(&whole);
        few_columns(g, whole.n);
    } else {
        panels(g);
    }
}
