/* mirrors.c - a table: data sets, mirrors, sizes and checksums. Knows nothing of the network.
 *
 * Sources of the checksums, each computed from the archives as their authors published them: MNIST, LeCun, Cortes and
 * Burges, the archives of 1998; Fashion-MNIST, Xiao, Rasul and Vollgraf, arXiv:1708.07747, the archives whose MD5 sums its
 * authors list (8d4fb7e6..., 25c81989..., bef4ecab..., bb300cfd...). */
#include "mirrors.h"

#include <string.h>

static const remote_set remote_table[] = {
    {"mnist",
     "LeCun, Cortes, Burges: the MNIST database of handwritten digits",
     {"https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/"},
     {{"train-images-idx3-ubyte.gz", 9912422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"},
      {"train-labels-idx1-ubyte.gz", 28881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"},
      {"t10k-images-idx3-ubyte.gz", 1648877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"},
      {"t10k-labels-idx1-ubyte.gz", 4542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"}}},
    {"fashion-mnist",
     "Xiao, Rasul, Vollgraf: Fashion-MNIST, Zalando Research, MIT licence",
     {"http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
      "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/"},
     {{"train-images-idx3-ubyte.gz", 26421880, "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"},
      {"train-labels-idx1-ubyte.gz", 29515, "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"},
      {"t10k-images-idx3-ubyte.gz", 4422102, "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"},
      {"t10k-labels-idx1-ubyte.gz", 5148, "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"}}},
};
enum { REMOTE_SETS = sizeof remote_table / sizeof *remote_table };

const remote_set *remote_find(const char *name)
{
    for (size_t i = 0; i < REMOTE_SETS; i++) {
        if (strcmp(name, remote_table[i].name) == 0) {
            return &remote_table[i];
        }
    }
    return NULL;
}

const char *remote_word(size_t index)
{
    return index < REMOTE_SETS ? remote_table[index].name : NULL;
}
