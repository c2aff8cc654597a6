/* test_format.c - the model file: round trips to the bit, the bytes as specified, names as PyTorch has them, and every
 * way in which a file can be damaged, foreign or hostile. */
#include <jansson.h>
#include <math.h>

#include "support_io.h"

/* ---- Models to save ---------------------------------------------------------------------------------------------- */

typedef struct sample_model {
    size_t inputs, outputs;
    bp_task task;
    const char *net, *output, *loss, *init;
    bp_type type;
    uint64_t seed;
} sample_model;

static const sample_model samples[] = {
    {2, 3, BP_CLASSIFY, "dense 4 tanh", NULL, NULL, NULL, BP_F32, 1},
    {5, 2, BP_CLASSIFY, "dense 7 relu, dropout 0.25, dense 17 gelu", "sigmoid", "bce", "normal:0.5", BP_F64,
     UINT64_MAX},
    {33, 20, BP_REGRESS, "dense 40 linear, dense 19", NULL, "huber", "glorot-normal", BP_F32, 12345},
    {3, 1, BP_REGRESS, "", "tanh", "mae", "uniform:0.3", BP_F64, 0},
};
enum { SAMPLES = sizeof samples / sizeof *samples };

static bp_model *make_model(const sample_model *s, const bp_allocator *allocator)
{
    bp_model_options o = bp_model_defaults();
    o.inputs = s->inputs;
    o.outputs = s->outputs;
    o.task = s->task;
    o.net = s->net;
    o.output = s->output;
    o.loss = s->loss;
    o.init = s->init;
    o.type = s->type;
    o.seed = s->seed;
    o.allocator = allocator;
    bp_model *m;
    assert_ok(bp_model_new(&m, &o));
    return m;
}

/* Scaling, class names and notes that are hard to write down. */
static void decorate(bp_model *m, const sample_model *s, size_t variant)
{
    double mean[64], scale[64];
    static const char *const names[] = {"z\xC3\xA9ro \"0\"", "one\\two\n", "", "3"};
    for (size_t i = 0; i < s->inputs; i++) {
        mean[i] = 0.1 * (double)i - 1.0 / 3;
        scale[i] = 1.0 / (255 + (double)i) * (i % 3 ? 1 : 1e-300);
    }
    mean[0] = -0.0;
    assert_ok(bp_model_set_scaling(m, variant == 0 ? 0 : variant == 1 ? 1 : s->inputs, mean, scale));
    if (s->task == BP_CLASSIFY) {
        assert_ok(bp_model_set_classes(m, names));
    }
    if (variant > 0) {
        assert_ok(bp_model_set_note(m, "data", "mnist"));
        assert_ok(bp_model_set_note(m, "a \"key\"", "{\"looks\": [\"like\", 1, \"JSON\"]}"));
        assert_ok(bp_model_set_note(m, "", "\xE2\x82\xAC"));
    }
}

static void assert_same_text(const char *a, const char *b)
{
    assert_true(!a == !b);
    if (a && b) {
        assert_string_equal(a, b);
    }
}

static void assert_same_weights(const bp_model *a, const bp_model *b)
{
    const bp_graph *g = bp_model_graph_const(a), *h = bp_model_graph_const(b);
    assert_int_equal(bp_graph_type(g), bp_graph_type(h));
    assert_int_equal(bp_graph_params(g), bp_graph_params(h));
    for (size_t i = 0; i < bp_graph_params(g); i++) {
        const bp_node *p = bp_graph_param(g, i), *q = bp_graph_param(h, i);
        assert_string_equal(bp_node_name(p), bp_node_name(q));
        assert_int_equal(bp_node_size(p), bp_node_size(q));
        assert_memory_equal(bp_param_values(p), bp_param_values(q), bp_node_size(p) * bp_type_size(bp_graph_type(g)));
    }
}

static void assert_same_model(const bp_model *a, const bp_model *b)
{
    bp_model_options o = bp_model_describe(a), p = bp_model_describe(b);
    assert_int_equal(o.inputs, p.inputs);
    assert_int_equal(o.outputs, p.outputs);
    assert_int_equal(o.task, p.task);
    assert_true(o.seed == p.seed);
    assert_string_equal(o.net, p.net);
    assert_string_equal(o.output, p.output);
    assert_string_equal(o.loss, p.loss);
    assert_same_text(o.init, p.init);
    const double *mean[2], *scale[2];
    size_t count = bp_model_scaling(a, &mean[0], &scale[0]);
    assert_int_equal(count, bp_model_scaling(b, &mean[1], &scale[1]));
    if (count > 0) {
        assert_memory_equal(mean[0], mean[1], count * sizeof(double));
        assert_memory_equal(scale[0], scale[1], count * sizeof(double));
    }
    for (size_t i = 0; i < o.outputs; i++) {
        assert_same_text(bp_model_class(a, i), bp_model_class(b, i));
    }
    const char *key[2], *value[2];
    size_t notes = 0;
    for (; bp_model_note_at(a, notes, &key[0], &value[0]); notes++) {
        assert_true(bp_model_note_at(b, notes, &key[1], &value[1]));
        assert_string_equal(key[0], key[1]);
        assert_string_equal(value[0], value[1]);
    }
    assert_false(bp_model_note_at(b, notes, &key[1], &value[1]));
    assert_same_weights(a, b);
}

static void assert_same_files(const char *path_a, const char *path_b)
{
    bytes a = read_file(path_a), b = read_file(path_b);
    assert_int_equal(a.size, b.size);
    assert_memory_equal(a.data, b.data, a.size);
    free(a.data);
    free(b.data);
}

static void test_round_trip(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAMPLES; i++) {
        for (size_t variant = 0; variant < 3; variant++) {
            bp_model *m = make_model(&samples[i], NULL), *copy, *twin = make_model(&samples[i], NULL);
            decorate(m, &samples[i], variant);
            decorate(twin, &samples[i], variant);
            assert_ok(bp_model_save(m, in_folder("a.safetensors")));
            assert_ok(bp_model_load(&copy, in_folder("a.safetensors"), NULL));
            assert_same_model(m, copy);
            assert_ok(bp_model_save(copy, in_folder("b.safetensors")));
            assert_ok(bp_model_save(twin, in_folder("c.safetensors")));
            assert_same_files(in_folder("a.safetensors"), in_folder("b.safetensors"));
            assert_same_files(in_folder("a.safetensors"), in_folder("c.safetensors"));
            bp_model_free(m);
            bp_model_free(copy);
            bp_model_free(twin);
        }
    }
}

/* ---- The bytes --------------------------------------------------------------------------------------------------- */

static uint64_t header_length(const bytes *b)
{
    uint64_t n = 0;
    for (int i = 7; i >= 0; i--) {
        n = n << 8 | b->data[i];
    }
    return n;
}

/* A model with the weights 0, 1, 2 ... in the order of the model, [in, out]. */
static bp_model *make_counting(const char *net)
{
    const sample_model s = {2, 2, BP_CLASSIFY, net, NULL, NULL, "zeros", BP_F32, 7};
    bp_model *m = make_model(&s, NULL);
    double values[64], next = 0;
    for (size_t i = 0; i < bp_graph_params(bp_model_graph(m)); i++) {
        bp_node *p = bp_graph_param(bp_model_graph(m), i);
        for (size_t j = 0; j < bp_node_size(p); j++) {
            values[j] = next++;
        }
        assert_ok(bp_param_set(p, values));
    }
    return m;
}

/* The file of a small model, byte by byte: what version 1 of the format is, for good. */
static void test_golden_bytes(void **state)
{
    (void)state;
    static const char header[] =
        "{\"__metadata__\":{\"format\":\"backprop\",\"format_version\":\"1\",\"task\":\"classify\",\"net\":\"dense 3 "
        "relu\","
        "\"output\":\"softmax\",\"loss\":\"cross-entropy\",\"init\":\"zeros\",\"seed\":\"7\",\"inputs\":\"2\","
        "\"outputs\":\"2\","
        "\"dtype\":\"f32\",\"scaling\":\"{\\\"mean\\\":[0.5],\\\"scale\\\":[0.10000000000000001]}\","
        "\"classes\":\"[\\\"no\\\",\\\"yes\\\"]\",\"notes\":\"{\\\"data\\\":\\\"xor\\\"}\"},"
        "\"0.weight\":{\"dtype\":\"F32\",\"shape\":[3,2],\"data_offsets\":[0,24]},"
        "\"0.bias\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[24,36]},"
        "\"2.weight\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[36,60]},"
        "\"2.bias\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[60,68]}}";
    static const float weights[17] = {0, 3, 1, 4, 2, 5, 6, 7, 8, 9, 11, 13, 10, 12, 14, 15, 16}; /* [out, in] */
    bp_model *m = make_counting("dense 3");
    const double mean = 0.5, scale = 0.1;
    static const char *const names[] = {"no", "yes"};
    assert_ok(bp_model_set_scaling(m, 1, &mean, &scale));
    assert_ok(bp_model_set_classes(m, names));
    assert_ok(bp_model_set_note(m, "data", "xor"));
    assert_ok(bp_model_save(m, in_folder("golden.safetensors")));
    bytes b = read_file(in_folder("golden.safetensors"));
    size_t length = (size_t)header_length(&b);
    assert_int_equal(length % 8, 0);
    assert_int_equal(b.size, 8 + length + sizeof weights);
    assert_memory_equal(b.data + 8, header, strlen(header));
    for (size_t i = strlen(header); i < length; i++) {
        assert_int_equal(b.data[8 + i], ' ');
    }
    for (size_t i = 0; i < 17; i++) { /* little-endian, on whatever machine */
        const unsigned char *p = b.data + 8 + length + 4 * i;
        uint32_t bits = (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
        float value;
        memcpy(&value, &bits, 4);
        assert_true(value == weights[i]);
    }
    free(b.data);
    bp_model_free(m);
}

/* The names that the state_dict of the same torch.nn.Sequential has: Linear, activation and Dropout take a number each,
 * a linear activation none. */
static void test_torch_names(void **state)
{
    (void)state;
    static const struct {
        const char *net, *names[6];
    } known[] = {
        {"dense 3 relu, dropout 0.5", {"0.weight", "0.bias", "3.weight", "3.bias"}},
        {"dense 3 linear, dense 4 tanh", {"0.weight", "0.bias", "1.weight", "1.bias", "3.weight", "3.bias"}},
        {"dropout 0.1, dense 3 softplus", {"1.weight", "1.bias", "3.weight", "3.bias"}},
        {"", {"0.weight", "0.bias"}},
    };
    for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
        bp_model *m = make_counting(known[k].net);
        assert_ok(bp_model_save(m, in_folder("names.safetensors")));
        bytes b = read_file(in_folder("names.safetensors"));
        json_t *header = json_loadb((char *)b.data + 8, (size_t)header_length(&b), 0, NULL), *tensor;
        assert_non_null(header);
        assert_int_equal(json_object_del(header, "__metadata__"), 0);
        const char *name;
        size_t i = 0;
        json_object_foreach(header, name, tensor)
        {
            assert_string_equal(name, known[k].names[i++]);
        }
        assert_true(i == 6 || !known[k].names[i]);
        json_decref(header);
        free(b.data);
        bp_model_free(m);
    }
}

/* ---- Damaged files ----------------------------------------------------------------------------------------------- */

static void refuse_file(const char *path, bp_status expected, const char *mention)
{
    bp_model *m = (bp_model *)1;
    assert_error(bp_model_load(&m, path, NULL), expected, mention);
    assert_null(m);
    if (*path) {
        assert_non_null(strstr(bp_error(), path));
    }
}

static bytes small_file(const char *name)
{
    bp_model *m = make_counting("dense 3");
    static const char *const names[] = {"no", "yes"};
    const double mean = 0.5, scale = 0.1;
    assert_ok(bp_model_set_scaling(m, 1, &mean, &scale));
    assert_ok(bp_model_set_classes(m, names));
    assert_ok(bp_model_set_note(m, "data", "xor"));
    assert_ok(bp_model_save(m, in_folder(name)));
    bp_model_free(m);
    return read_file(in_folder(name));
}

static void test_not_a_model(void **state)
{
    (void)state;
    refuse_file(in_folder("absent"), BP_ERR_IO, "No such file");
    refuse_file(folder, BP_ERR_IO, "a directory");
    refuse_file("", BP_ERR_ARGUMENT, "no path");
    write_file(in_folder("text"), "epoch,loss\n1,0.5\n", 17);
    refuse_file(in_folder("text"), BP_ERR_FORMAT, "this is no safetensors file");
    write_file(in_folder("zeros"), "\0\0\0\0\0\0\0\0\0", 9);
    refuse_file(in_folder("zeros"), BP_ERR_FORMAT, "no valid JSON");
}

static void test_prefixes(void **state)
{
    (void)state;
    bytes b = small_file("prefix");
    for (size_t n = 0; n < b.size; n++) {
        bool header = n >= 8 && n < 8 + header_length(&b);
        write_file(in_folder("prefix"), b.data, n);
        refuse_file(in_folder("prefix"), BP_ERR_FORMAT,
                    n < 8    ? "header length"
                    : header ? "it is cut short"
                             : "of data");
    }
    unsigned char *longer = calloc(1, b.size + 1);
    memcpy(longer, b.data, b.size);
    write_file(in_folder("prefix"), longer, b.size + 1);
    refuse_file(in_folder("prefix"), BP_ERR_FORMAT, "the tensors end at byte 68 of the data, but 69 bytes follow");
    free(longer);
    free(b.data);
}

/* Every bit of the header flipped: refused with a text, or a model that can be saved and loaded again. */
static void test_flips(void **state)
{
    (void)state;
    bytes b = small_file("flip");
    size_t end = 8 + (size_t)header_length(&b), loaded = 0;
    for (size_t i = 0; i < end; i++) {
        for (int bit = 0; bit < 8; bit++) {
            b.data[i] ^= (unsigned char)(1 << bit);
            write_file(in_folder("flip"), b.data, b.size);
            b.data[i] ^= (unsigned char)(1 << bit);
            bp_model *m, *again;
            bp_status status = bp_model_load(&m, in_folder("flip"), NULL);
            if (status != BP_OK) {
                if ((status != BP_ERR_FORMAT && status != BP_ERR_UNSUPPORTED) || !strstr(bp_error(), "flip")) {
                    fail_msg("byte %zu, bit %d: %s: %s", i, bit, bp_status_name(status), bp_error());
                }
                continue;
            }
            if (loaded++ % 16 == 0) { /* each one goes to disk, which takes its time */
                assert_ok(bp_model_save(m, in_folder("flip2")));
                assert_ok(bp_model_load(&again, in_folder("flip2"), NULL));
                assert_same_model(m, again);
                bp_model_free(again);
            }
            bp_model_free(m);
        }
    }
    assert_true(loaded > 10); /* letters of names and notes, digits of the seed */
    free(b.data);
}

/* ---- Made-up files ----------------------------------------------------------------------------------------------- */

/* Writes a file with the given header, where ' stands for ", and `size` bytes of zeros as data. */
static const char *write_made_up(const char *header, size_t size)
{
    static char text[4096];
    size_t length = strlen(header);
    memset(text, 0, sizeof text);
    assert_true(8 + length + size <= sizeof text);
    for (int i = 0; i < 8; i++) {
        text[i] = (char)(unsigned char)((uint64_t)length >> 8 * i);
    }
    for (size_t i = 0; i < length; i++) {
        text[8 + i] = header[i] == '\'' ? '"' : header[i];
    }
    write_file(in_folder("made-up"), text, 8 + length + size);
    return in_folder("made-up");
}

#define META                                                                                                           \
    "{'__metadata__':{'format':'backprop','format_version':'1','task':'classify','net':'','output':'softmax',"         \
    "'loss':'cross-entropy','init':'zeros','seed':'7','inputs':'2','outputs':'2','dtype':'f32'},"
#define WEIGHT "'0.weight':{'dtype':'F32','shape':[2,2],'data_offsets':[0,16]}"
#define BIAS   "'0.bias':{'dtype':'F32','shape':[2],'data_offsets':[16,24]}"

static void test_offset_games(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        size_t size;
        const char *mention;
    } bad[] = {
        {META WEIGHT ",'0.bias':{'dtype':'F32','shape':[2],'data_offsets':[8,16]}}", 16, "tensors overlap"},
        {META WEIGHT ",'0.bias':{'dtype':'F32','shape':[2],'data_offsets':[20,28]}}", 28, "there is a gap"},
        {META WEIGHT ",'0.bias':{'dtype':'F32','shape':[2],'data_offsets':[16,24]}}", 23,
         "bytes 16 to 24 of the data, but"},
        {META WEIGHT "," BIAS "}", 25, "end at byte 24 of the data, but 25"},
        {META WEIGHT ",'0.bias':{'dtype':'F32','shape':[2],'data_offsets':[24,16]}}", 24, "bytes 24 to 16"},
        {META WEIGHT ",'0.bias':{'dtype':'F32','shape':[2],'data_offsets':[16,9223372036854775807]}}", 24,
         "of the data, but"},
        {META WEIGHT ",'0.bias':{'dtype':'F32','shape':[2],'data_offsets':[16,9223372036854775808]}}", 24,
         "no valid JSON"},
        {META WEIGHT ",'0.bias':{'dtype':'F32','shape':[2],'data_offsets':[-8,0]}}", 24, "not two counts"},
        {META WEIGHT ",'0.bias':{'dtype':'F32','shape':[2],'data_offsets':[16.0,24.0]}}", 24, "not two counts"},
        {META WEIGHT ",'0.bias':{'dtype':'F32','shape':[2],'data_offsets':[16]}}", 24, "not two counts"},
        {META WEIGHT ",'0.bias':{'dtype':'F32','shape':[2]}}", 24, "not two counts"},
        {META WEIGHT ",'0.bias':{'dtype':'F32','shape':[3],'data_offsets':[16,24]}}", 24,
         "needs 12 bytes for its type and shape"},
        {META WEIGHT ",'0.bias':{'dtype':'F32','shape':[4294967296,4294967296],'data_offsets':[16,24]}}", 24,
         "overflows"},
        {META WEIGHT ",'0.bias':{'dtype':'F32','shape':[4611686018427387905],'data_offsets':[16,24]}}", 24,
         "overflows"},
        {META WEIGHT ",'0.bias':{'dtype':'F32','shape':[-2],'data_offsets':[16,24]}}", 24,
         "something else than counts"},
        {META WEIGHT ",'0.bias':{'dtype':'F32','shape':2,'data_offsets':[16,24]}}", 24, "no array"},
        {META WEIGHT ",'0.bias':{'dtype':'F33','shape':[2],'data_offsets':[16,24]}}", 24, "unknown dtype \"F33\""},
        {META WEIGHT ",'0.bias':{'shape':[2],'data_offsets':[16,24]}}", 24, "\"dtype\" is missing"},
        {META WEIGHT ",'0.bias':[16,24]}", 24, "\"dtype\" is missing"},
        {META WEIGHT "," WEIGHT "}", 24, "duplicate object key"},
        {META WEIGHT "}", 16, "tensor \"0.bias\" [2] of type F32 is missing"},
        {META WEIGHT "," BIAS ",'1.bias':{'dtype':'F32','shape':[1],'data_offsets':[24,28]}}", 28,
         "unexpected tensor \"1.bias\""},
        {META WEIGHT ",'0.bias':{'dtype':'I32','shape':[2],'data_offsets':[16,24]}}", 24,
         "is [2] of type I32, expected [2] of type F32"},
        {META WEIGHT ",'0.bias':{'dtype':'BF16','shape':[4],'data_offsets':[16,24]}}", 24,
         "is [4] of type BF16, expected"},
        {META WEIGHT ",'0.bias':{'dtype':'F32','shape':[1,2],'data_offsets':[16,24]}}", 24,
         "is [1, 2] of type F32, expected [2]"},
        {META "'0.weight':{'dtype':'F32','shape':[4,1],'data_offsets':[0,16]}," BIAS "}", 24, "expected [2, 2]"},
        {"[]", 0, "no JSON object"},
        {"{'__metadata__':[]}", 0, "\"__metadata__\" in the header is no object"},
        {"{'__metadata__':{'format':1}}", 0, "\"format\" in \"__metadata__\" is no text"},
    };
    bp_model *m;
    assert_ok(bp_model_load(&m, write_made_up(META WEIGHT "," BIAS "}", 24), NULL));
    bp_model_free(m);
    assert_ok(bp_model_load(&m, write_made_up(META BIAS "," WEIGHT "}  ", 24), NULL)); /* any order in the header */
    bp_model_free(m);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        refuse_file(write_made_up(bad[i].header, bad[i].size), BP_ERR_FORMAT, bad[i].mention);
    }
    refuse_file(write_made_up(META "'w':{'dtype':'F32','shape':[1,1,1,1,1],'data_offsets':[0,4]}}", 4),
                BP_ERR_UNSUPPORTED, "5 dimensions");
}

/* The order of the data is free, too: here the bias comes first. */
static void test_data_order(void **state)
{
    (void)state;
    bp_model *m;
    const char *path = write_made_up(META "'0.weight':{'dtype':'F32','shape':[2,2],'data_offsets':[8,24]},"
                                          "'0.bias':{'dtype':'F32','shape':[2],'data_offsets':[0,8]}}",
                                     24);
    bytes b = read_file(path);
    for (unsigned char i = 0; i < 6; i++) { /* the floats 1, 2, 4, 8, 16, 32 */
        b.data[b.size - 24 + 4 * (size_t)i + 3] = (unsigned char)(0x3F + (i + 1) / 2);
        b.data[b.size - 24 + 4 * (size_t)i + 2] = i % 2 ? 0 : 0x80;
    }
    write_file(path, b.data, b.size);
    free(b.data);
    assert_ok(bp_model_load(&m, path, NULL));
    double w[4], bias[2];
    assert_ok(bp_param_get(bp_graph_find(bp_model_graph(m), "0.weight"), w));
    assert_ok(bp_param_get(bp_graph_find(bp_model_graph(m), "0.bias"), bias));
    assert_true(bias[0] == 1 && bias[1] == 2);
    assert_true(w[0] == 4 && w[1] == 16 && w[2] == 8 && w[3] == 32); /* [in, out] */
    bp_model_free(m);
}

static void test_foreign(void **state)
{
    (void)state;
    refuse_file(write_made_up("{" WEIGHT "," BIAS "}", 24), BP_ERR_FORMAT, "of another program (2 tensors)");
    refuse_file(write_made_up("{'__metadata__':{'format':'pt'}," WEIGHT "," BIAS "}", 24), BP_ERR_FORMAT,
                "another program");
    refuse_file(write_made_up("{'a':{'dtype':'BF16','shape':[2,3],'data_offsets':[0,12]}}", 12), BP_ERR_FORMAT,
                "another program");
    refuse_file(write_made_up("{}", 0), BP_ERR_FORMAT, "another program (0 tensors)");
    refuse_file(write_made_up("{'__metadata__':{'format':'backprop','format_version':'3'}}", 0), BP_ERR_UNSUPPORTED,
                "written in version 3 of the model format by a newer version of the library");
}

/* Each entry of the metadata missing and wrong, one at a time. */
static void test_metadata(void **state)
{
    (void)state;
    static const struct {
        const char *key, *value, *mention;
    } bad[] = {
        {"format", "Backprop", "another program"},
        {"format_version", "one", "\"format_version\""},
        {"format_version", "0", "\"format_version\""},
        {"task", "Classify", "\"task\" in the metadata is \"Classify\""},
        {"net", "dens 3", "\"dens\""},
        {"net", "dense 3", "is [2, 2] of type F32, expected [3, 2]"},
        {"net", "dense 2000000000, dense 2000000000", "cannot be made from this file"},
        {"output", "softmin", "softmin"},
        {"loss", "bce", "cannot be made from this file"},
        {"init", "orthogonal", "orthogonal"},
        {"seed", "18446744073709551616", "a number below 2^64"},
        {"seed", "-1", "a number below 2^64"},
        {"seed", "", "a number below 2^64"},
        {"inputs", "0", "a positive number"},
        {"inputs", "two", "a positive number"},
        {"inputs", "3", "expected [2, 3]"},
        {"inputs", "18446744073709551615", "cannot be made from this file"},
        {"outputs", "9999999999999", "cannot be made from this file"},
        {"outputs", "", "a positive number"},
        {"dtype", "f16", "expected f32 or f64"},
        {"dtype", "f64", "expected [2, 2] of type F64"},
        {"scaling", "{", "\"scaling\" in the metadata is no valid JSON"},
        {"scaling", "{}", "two lists"},
        {"scaling", "{\"mean\":[0],\"scale\":[]}", "two lists"},
        {"scaling", "{\"mean\":[0],\"scale\":[\"1\"]}", "two lists"},
        {"scaling", "{\"mean\":[0,0,0],\"scale\":[1,1,1]}", "3 values"},
        {"scaling", "{\"mean\":[0],\"scale\":[1e999]}", "no valid JSON"},
        {"output_scaling", "{\"mean\":[0],\"scale\":[]}", "\"output_scaling\" is not two lists"},
        {"output_scaling", "{\"mean\":[0,0],\"scale\":[1,1]}", "output scaling is for numbers"},
        {"classes", "[\"a\"]", "not a list of 2 texts"},
        {"classes", "[\"a\", 2]", "not a list of 2 texts"},
        {"classes", "[\"a\", \"b\", \"c\"]", "not a list of 2 texts"},
        {"notes", "[]", "no JSON object"},
        {"notes", "{\"a\":1}", "the note \"a\" is no text"},
    };
    bytes b = small_file("metadata");
    const char *path = write_made_up(META WEIGHT "," BIAS "}", 24);
    bytes good = read_file(path);
    free(b.data);
    for (size_t i = 0; i < 2 * sizeof bad / sizeof *bad; i++) {
        const char *key = bad[i / 2].key;
        json_t *header = json_loadb((char *)good.data + 8, (size_t)header_length(&good), 0, NULL);
        json_t *metadata = json_object_get(header, "__metadata__");
        bool missing = i % 2;
        if (missing && json_object_del(metadata, key) != 0) { /* an entry that may be missing */
            json_decref(header);
            continue;
        }
        if (!missing) {
            json_object_set_new(metadata, key, json_string(bad[i / 2].value));
        }
        char *text = json_dumps(header, JSON_COMPACT);
        refuse_file(write_made_up(text, 24), BP_ERR_FORMAT, missing ? "\"" : bad[i / 2].mention);
        assert_true(!missing || strstr(bp_error(), key));
        free(text);
        json_decref(header);
    }
    free(good.data);
}

/* ---- Numbers, memory, disks -------------------------------------------------------------------------------------- */

static void test_not_finite(void **state)
{
    (void)state;
    for (int k = 0; k < 2; k++) {
        bytes b = small_file("nan");
        size_t first = b.size - (k ? 4 : 68); /* the last bias, the first weight */
        b.data[first + 2] = k ? 0x80 : 0xC0;
        b.data[first + 3] = 0x7F; /* infinity, NaN */
        write_file(in_folder("nan"), b.data, b.size);
        refuse_file(in_folder("nan"), BP_ERR_FORMAT,
                    k ? "\"2.bias\" holds numbers that are not finite" : "\"0.weight\" holds");
        free(b.data);
    }
    bp_model *m = make_counting("dense 3");
    ((float *)bp_param_data(bp_graph_find(bp_model_graph(m), "0.bias")))[1] = NAN;
    write_file(in_folder("kept"), "old", 3);
    assert_error(bp_model_save(m, in_folder("kept")), BP_ERR_NUMERIC, "\"0.bias\" holds numbers that are not finite");
    bytes old = read_file(in_folder("kept"));
    assert_int_equal(old.size, 3);
    free(old.data);
    bp_model_free(m);
}

static void test_not_utf8(void **state)
{
    (void)state;
    bp_model *m = make_counting("dense 3");
    static const char *const names[] = {"fine", "bro\xFFken"};
    assert_ok(bp_model_set_note(m, "path", "/tmp/\xC3"));
    assert_error(bp_model_save(m, in_folder("utf8")), BP_ERR_DATA, "the note \"path\" is no valid UTF-8");
    assert_ok(bp_model_set_note(m, "path", NULL));
    assert_ok(bp_model_set_classes(m, names));
    assert_error(bp_model_save(m, in_folder("utf8")), BP_ERR_DATA, "the name of class 1 is no valid UTF-8");
    assert_int_not_equal(access(in_folder("utf8"), F_OK), 0);
    bp_model_free(m);
}

typedef struct counter {
    int left, live;
    size_t largest;
} counter;

static void *count_alloc(void *ctx, size_t size)
{
    counter *c = ctx;
    c->largest = size > c->largest ? size : c->largest;
    if (c->left-- <= 0) {
        return NULL;
    }
    c->live++;
    return aligned_alloc(64, size);
}

static void count_release(void *ctx, void *block)
{
    ((counter *)ctx)->live--;
    free(block);
}

/* Out of memory at every allocation in turn, loading and saving: an error, and nothing is lost. */
static void test_memory(void **state)
{
    (void)state;
    bytes b = small_file("memory");
    free(b.data);
    bp_status status = BP_ERR_MEMORY;
    for (int tries = 0; status != BP_OK; tries++) {
        counter c = {tries, 0, 0};
        bp_allocator a = {count_alloc, count_release, &c};
        bp_model *m;
        status = bp_model_load(&m, in_folder("memory"), &a);
        if (status != BP_OK && !strstr(bp_error(), "memory")) {
            fail_msg("allocation %d: %s: %s", tries, bp_status_name(status), bp_error());
        }
        bp_status saved = BP_ERR_MEMORY;
        for (int more = 0; status == BP_OK && saved != BP_OK; more++) {
            c.left = more;
            saved = bp_model_save(m, in_folder("memory2"));
            assert_true(saved == BP_OK || saved == BP_ERR_MEMORY);
        }
        bp_model_free(m);
        assert_int_equal(c.live, 0);
        assert_true(tries < 1000);
    }
    assert_same_files(in_folder("memory"), in_folder("memory2"));
}

/* A small file that describes a network of 16 GB is refused before that much memory is asked for. */
static void test_hostile(void **state)
{
    (void)state;
    const char *path =
        write_made_up("{'__metadata__':{'format':'backprop','format_version':'1','task':'classify',"
                      "'net':'dense 64000, dense 64000','output':'softmax','loss':'cross-entropy',"
                      "'init':'zeros','seed':'7','inputs':'2','outputs':'2','dtype':'f32'}," WEIGHT "," BIAS "}",
                      24);
    counter c = {100000, 0, 0};
    bp_allocator a = {count_alloc, count_release, &c};
    bp_model *m;
    assert_error(bp_model_load(&m, path, &a), BP_ERR_FORMAT, "cannot be made from this file");
    assert_true(c.largest < 10000000);
    assert_int_equal(c.live, 0);
}

static int save_limited(void *ctx)
{
    bp_status status = bp_model_save(ctx, in_folder("full/model"));
    return status == BP_ERR_IO && strstr(bp_error(), "free some space") ? 0 : 1;
}

static void test_full_disk(void **state)
{
    (void)state;
    const sample_model s = {100, 10, BP_CLASSIFY, "dense 200", NULL, NULL, NULL, BP_F32, 1};
    bp_model *m = make_model(&s, NULL);
    assert_int_equal(mkdir(in_folder("full"), 0700), 0);
    assert_int_equal(with_file_limit(20000, save_limited, m), 0);
    assert_int_equal(files_in(in_folder("full")), 0);
    assert_ok(bp_model_save(m, in_folder("full/model")));
    bytes before = read_file(in_folder("full/model"));
    assert_int_equal(with_file_limit(20000, save_limited, m), 0);
    assert_int_equal(with_file_limit(100, save_limited, m), 0);
    assert_int_equal(files_in(in_folder("full")), 1);
    bytes after = read_file(in_folder("full/model"));
    assert_int_equal(before.size, after.size);
    assert_memory_equal(before.data, after.data, before.size);
    assert_error(bp_model_save(m, "/dev/full"), BP_ERR_IO, "No space left");
    assert_error(bp_model_save(m, in_folder("no/such/folder")), BP_ERR_IO, "create the folder");
    assert_error(bp_model_save(m, ""), BP_ERR_ARGUMENT, "no path");
    free(before.data);
    free(after.data);
    bp_model_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),   cmocka_unit_test(test_golden_bytes), cmocka_unit_test(test_torch_names),
        cmocka_unit_test(test_not_a_model),  cmocka_unit_test(test_prefixes),     cmocka_unit_test(test_flips),
        cmocka_unit_test(test_offset_games), cmocka_unit_test(test_data_order),   cmocka_unit_test(test_foreign),
        cmocka_unit_test(test_metadata),     cmocka_unit_test(test_not_finite),   cmocka_unit_test(test_not_utf8),
        cmocka_unit_test(test_memory),       cmocka_unit_test(test_hostile),      cmocka_unit_test(test_full_disk),
    };
    return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
