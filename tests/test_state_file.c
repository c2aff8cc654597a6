/* test_state_file.c - states as files: what is written can be read, and whichever byte is damaged, it is known. */
#include "support_io.h"

#include <math.h>

#include "base/hash.h"

/* ---- the hash ---- */

static uint64_t hash_of(const char *text)
{
    bp_hash h = bp_hash_new();
    bp_hash_add(&h, text, strlen(text));
    return bp_hash_value(&h);
}

static void test_hash(void **state)
{
    (void)state;
    assert_true(hash_of("") == 0xEF46DB3751D8E999u); /* as xxhsum -H1 prints them */
    assert_true(hash_of("a") == 0xD24EC4F1A98C6E5Bu);
    assert_true(hash_of("abc") == 0x44BC2CF5AD770999u);
    assert_true(hash_of("Nobody inspects the spammish repetition") == 0xFBCEA83C8A378BF1u);
    unsigned char data[300];
    for (size_t i = 0; i < sizeof data; i++) {
        data[i] = (unsigned char)(i * 37 + i / 7);
    }
    bp_hash whole = bp_hash_new();
    bp_hash_add(&whole, data, sizeof data);
    for (size_t cut = 1; cut < 70; cut++) { /* in pieces of any size */
        bp_hash pieces = bp_hash_new();
        for (size_t at = 0; at < sizeof data; at += cut) {
            bp_hash_add(&pieces, data + at, sizeof data - at < cut ? sizeof data - at : cut);
        }
        assert_true(bp_hash_value(&pieces) == bp_hash_value(&whole));
    }
}

/* ---- the file ---- */

static float some_floats[5] = {1.5f, -0.0f, INFINITY, 1e-40f, 3};
static double some_doubles[3] = {1.0 / 3, NAN, -1e300}, one = 7;

static bp_state some_state(bp_state_part part[3])
{
    part[0] = (bp_state_part){"weights", BP_F32, 5, some_floats};
    part[1] = (bp_state_part){"more", BP_F64, 3, some_doubles};
    part[2] = (bp_state_part){"step", BP_F64, 1, &one};
    return (bp_state){.count = 3, .part = part};
}

static void test_round_trip(void **state)
{
    (void)state;
    bp_state_part part[3];
    bp_state s = some_state(part);
    bp_saved_state *back;
    assert_ok(bp_state_save(&s, "note with \"quotes\" and ü", in_folder("a")));
    assert_ok(bp_state_load(&back, in_folder("a"), NULL));
    assert_int_equal(back->state.count, 3);
    assert_string_equal(back->note, "note with \"quotes\" and ü");
    assert_string_equal(back->kernel, bp_kernel_name());
    assert_string_equal(back->path, in_folder("a"));
    for (size_t i = 0; i < 3; i++) {
        const bp_state_part *p = bp_state_find(&back->state, part[i].name);
        assert_non_null(p);
        assert_int_equal(p->type, part[i].type);
        assert_int_equal(p->count, part[i].count);
        assert_memory_equal(p->data, part[i].data, p->count * bp_type_size(p->type));
    }
    assert_ok(bp_state_save(&back->state, back->note, in_folder("b")));
    bytes a = read_file(in_folder("a")), b = read_file(in_folder("b"));
    assert_int_equal(a.size, b.size);
    assert_memory_equal(a.data, b.data, a.size);
    free(a.data);
    free(b.data);
    bp_saved_state_free(back);
    assert_ok(bp_state_save(&s, NULL, in_folder("a")));
    assert_ok(bp_state_load(&back, in_folder("a"), NULL));
    assert_string_equal(back->note, "");
    bp_saved_state_free(back);
}

static void test_refused_states(void **state)
{
    (void)state;
    bp_state_part part[3];
    bp_state s = some_state(part);
    part[1].name = "weights";
    assert_error(bp_state_save(&s, NULL, in_folder("c")), BP_ERR_ARGUMENT, "part 1");
    part[1].name = "checksum";
    assert_error(bp_state_save(&s, NULL, in_folder("c")), BP_ERR_ARGUMENT, "checksum");
    s = some_state(part);
    part[2].type = BP_U8;
    assert_error(bp_state_save(&s, NULL, in_folder("c")), BP_ERR_ARGUMENT, "f32 or f64");
    s = some_state(part);
    assert_error(bp_state_save(&s, "\xff", in_folder("c")), BP_ERR_DATA, "UTF-8");
    assert_error(bp_state_save(&s, NULL, ""), BP_ERR_ARGUMENT, "no path");
    assert_int_not_equal(access(in_folder("c"), F_OK), 0);
}

/* Whichever byte is changed, and wherever the file ends: it is known. */
static void test_damage(void **state)
{
    (void)state;
    bp_state_part part[3];
    bp_state s = some_state(part);
    bp_saved_state *back;
    assert_ok(bp_state_save(&s, NULL, in_folder("whole")));
    bytes b = read_file(in_folder("whole"));
    for (size_t i = 0; i < b.size; i++) {
        b.data[i] ^= (unsigned char)(1 + i % 255);
        write_file(in_folder("damaged"), b.data, b.size);
        assert_error(bp_state_load(&back, in_folder("damaged"), NULL), BP_ERR_FORMAT, "damaged");
        assert_null(back);
        b.data[i] ^= (unsigned char)(1 + i % 255);
        write_file(in_folder("damaged"), b.data, i);
        assert_error(bp_state_load(&back, in_folder("damaged"), NULL), BP_ERR_FORMAT, "damaged");
    }
    assert_error(bp_state_load(&back, in_folder("nothing"), NULL), BP_ERR_IO, "nothing");
    free(b.data);
}

/* The file "whole" with one text of the same length in place of another, and a checksum that is right. */
static void write_forged(const char *from, const char *to)
{
    bytes b = read_file(in_folder("whole"));
    char *at = NULL;
    size_t length = strlen(from);
    assert_int_equal(length, strlen(to));
    for (size_t i = 0; !at && i + length < b.size; i++) {
        at = memcmp(b.data + i, from, length) == 0 ? (char *)b.data + i : NULL;
    }
    assert_non_null(at);
    memcpy(at, to, length);
    bp_hash h = bp_hash_new();
    bp_hash_add(&h, b.data, b.size - 8);
    for (int i = 0; i < 8; i++) {
        b.data[b.size - 8 + (size_t)i] = (unsigned char)(bp_hash_value(&h) >> 8 * i);
    }
    write_file(in_folder("forged"), b.data, b.size);
    free(b.data);
}

/* A checksum does not say who wrote the file. */
static void test_forged(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to;
        bp_status status;
        const char *mention;
    } cases[] = {
        {"\"format_version\":\"1\"", "\"format_version\":\"2\"", BP_ERR_UNSUPPORTED, "newer version"},
        {"\"format_version\":\"1\"", "\"format_version\":\"0\"", BP_ERR_FORMAT, "format_version"},
        {"backprop-state", "backprop-stage", BP_ERR_FORMAT, "do not say"},
        {"\"F64\",\"shape\":[3]", "\"I64\",\"shape\":[3]", BP_ERR_FORMAT, "of type I64"},
        {"\"shape\":[3]", "\"shape\":[4]", BP_ERR_FORMAT, "needs 32 bytes"},
        {"\"checksum\":", "\"checksum\"}", BP_ERR_FORMAT, "JSON"},
        {"\"U8\"", "\"I8\"", BP_ERR_FORMAT, "the last tensor"},
        {"\"step\"", "\"more\"", BP_ERR_FORMAT, "duplicate"},
    };
    bp_state_part part[3];
    bp_state s = some_state(part);
    bp_saved_state *back;
    assert_ok(bp_state_save(&s, NULL, in_folder("whole")));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_forged(cases[i].from, cases[i].to);
        assert_error(bp_state_load(&back, in_folder("forged"), NULL), cases[i].status, cases[i].mention);
        assert_null(back);
    }
}

/* Files of every version that was released can be read for ever. */
static void test_old_files(void **state)
{
    (void)state;
    static const char *const names[] = {"adam-1", "adam-within-1", "lbfgs-1", "rprop-1"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[1024];
        bp_saved_state *s;
        snprintf(path, sizeof path, BP_SOURCE_DIR "/fuzz/corpus/checkpoint/%s", names[i]);
        assert_ok(bp_state_load(&s, path, NULL));
        assert_string_equal(s->note, "a note");
        assert_int_equal(bp_state_find(&s->state, "weights")->count, 32);
        bp_saved_state_free(s);
    }
    bp_saved_state *s;
    assert_error(bp_state_load(&s, BP_SOURCE_DIR "/fuzz/corpus/checkpoint/version-2", NULL), BP_ERR_FORMAT, "checksum");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hash),   cmocka_unit_test(test_round_trip), cmocka_unit_test(test_refused_states),
        cmocka_unit_test(test_damage), cmocka_unit_test(test_old_files),  cmocka_unit_test(test_forged),
    };
    return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
