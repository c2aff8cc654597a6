/* examples.c - a main for a fuzz target without libFuzzer: every file of the folders on the command line, whole and cut
 * short, is one input. What was found once stays found, with any compiler. */
#include "input.h"

#include <dirent.h>

enum { CUTS = 16 }; /* prefixes of each file, evenly spread */

static void run_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    input_demand(f && fseek(f, 0, SEEK_END) == 0, path);
    long size = ftell(f);
    input_demand(size >= 0 && fseek(f, 0, SEEK_SET) == 0, path);
    uint8_t *data = malloc((size_t)size + 1);
    input_demand(data && fread(data, 1, (size_t)size, f) == (size_t)size, path);
    fclose(f);
    for (size_t i = 0; i <= CUTS; i++) {
        /* A block of just this size, so that a sanitizer sees a read past the end. */
        size_t bytes = (size_t)size * i / CUTS;
        uint8_t *input = malloc(bytes ? bytes : 1);
        input_demand(input, "malloc");
        memcpy(input, data, bytes);
        LLVMFuzzerTestOneInput(input, bytes);
        free(input);
    }
    free(data);
}

static size_t run_folder(const char *folder)
{
    size_t files = 0;
    DIR *d = opendir(folder);
    input_demand(d, folder);
    for (struct dirent *e; (e = readdir(d));) {
        char path[1024];
        if (e->d_name[0] != '.') {
            snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
            run_file(path);
            files++;
        }
    }
    closedir(d);
    return files;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        size_t files = run_folder(argv[i]);
        printf("%s: %zu files, each whole and cut short at %d places\n", argv[i], files, CUTS);
        if (files == 0) {
            fprintf(stderr, "no files in %s\n", argv[i]);
            return 1;
        }
    }
    return argc > 1 ? 0 : 2;
}
