/* kill.c - training that is killed at random moments, or whose disk fills up at random moments, goes on from its checkpoint
 * and ends with the same model file as a run that was left alone, bit for bit.
 *   kill COMMAND TRIALS [SEED]
 * So many trials of each. Jobs, optimizers and numbers of threads take turns. A moment is a number of microseconds,
 * drawn up to the time that the job takes: when it strikes differs from run to run, what comes out must not. */
#define _GNU_SOURCE /* prlimit */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *command;
static char folder[200];

static void demand(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "kill: %s failed: %s (files are in %s)\n", what, strerror(errno), folder);
        exit(1);
    }
}

/* ---- jobs: small, but with something to lose in every optimizer ---- */

typedef struct job {
    const char *data, *options;
    double seconds; /* that it takes when it is left alone */
} job;

static job jobs[] = {
    {"moons", "--rows|200|--net|dense 12 relu, dropout 0.2|--epochs|40|--schedule|cosine|--every|3 steps", 0},
    {"spirals",
     "--rows|200|--optimizer|sgd|--valid|0.2|--restore-best|--schedule|plateau:1,0.5|--epochs|40|--every|1 epoch", 0},
    {"moons", "--rows|200|--optimizer|momentum|--clip-norm|0.5|--epochs|40|--dtype|f64|--every|0.002 seconds", 0},
    {"moons", "--rows|200|--optimizer|nesterov|--epochs|40|--schedule|step:10,0.5|--every|5 steps", 0},
    {"circles", "--rows|200|--optimizer|adagrad|--epochs|40|--every|0.001 seconds", 0},
    {"circles", "--rows|200|--optimizer|rmsprop|--momentum|0.5|--epochs|30|--every|2 steps", 0},
    {"moons", "--rows|200|--optimizer|adamw|--valid|0.2|--patience|9|--epochs|60|--every|4 steps", 0},
    {"moons", "--rows|200|--optimizer|lbfgs|--epochs|40|--net|dense 12 tanh|--every|2 epochs", 0},
    {"circles", "--rows|200|--optimizer|rprop|--epochs|90|--net|dense 12 relu, dropout 0.1|--every|3 epochs", 0},
    {"table.csv", "--target|price|--valid|0.2|--epochs|40|--every|3 steps", 0},
};
enum { JOBS = sizeof jobs / sizeof *jobs };

/* What the table job trains on. */
static void write_table(void)
{
    static const char *const district[] = {"harbour", "hill", "station"};
    FILE *f = fopen("table.csv", "w");
    demand(f != NULL, "writing table.csv");
    fprintf(f, "district,size,floor,price\n");
    for (unsigned i = 0; i < 200; i++) {
        unsigned d = i * 7 % 3, size = 25 + i * 37 % 90, floor_number = i * 11 % 8;
        fprintf(f, "%s,%u,%u,%u\n", district[d], size, floor_number, size * (900 + 400 * d) + floor_number * 3000);
    }
    demand(fclose(f) == 0, "writing table.csv");
}

/* ---- running ---- */

/* Starts the job with more options, words separated by '|'; stderr goes to a file. */
static pid_t start(const job *j, const char *more)
{
    char line[1000], *words[64] = {"backprop", "train"};
    int count = 2;
    snprintf(line, sizeof line, "%s|%s|--quiet|%s", j->data, j->options, more);
    for (char *w = strtok(line, "|"); w != NULL && count < 63; w = strtok(NULL, "|")) {
        words[count++] = w;
    }
    pid_t child = fork();
    demand(child >= 0, "fork");
    if (child == 0) {
        int out = open("/dev/null", O_WRONLY), err = open("stderr", O_WRONLY | O_CREAT | O_TRUNC, 0600);
        dup2(out, STDOUT_FILENO);
        dup2(err, STDERR_FILENO);
        execv(command, words);
        _exit(99);
    }
    return child;
}

static void show_stderr(void)
{
    char text[2000];
    FILE *f = fopen("stderr", "r");
    size_t n = f != NULL ? fread(text, 1, sizeof text, f) : 0;
    fwrite(text, 1, n, stderr);
    if (f != NULL) {
        fclose(f);
    }
}

/* The exit code, or 1000 + the signal. */
static int wait_for(pid_t child)
{
    int status = 0;
    demand(waitpid(child, &status, 0) == child, "waitpid");
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void pause_for(double seconds)
{
    struct timespec t = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
    nanosleep(&t, NULL);
}

/* ---- chance ---- */

static uint64_t chance;

static double uniform(void)
{
    chance = chance * 6364136223846793005u + 1442695040888963407u;
    return (double)(chance >> 11) * 0x1p-53;
}

/* ---- comparing ---- */

static bool same_files(const char *a, const char *b)
{
    FILE *f = fopen(a, "rb"), *g = fopen(b, "rb");
    bool same = f != NULL && g != NULL;
    for (int x = 0; same && x != EOF;) {
        x = getc(f);
        same = x == getc(g);
    }
    if (f != NULL) {
        fclose(f);
    }
    if (g != NULL) {
        fclose(g);
    }
    return same;
}

/* The log without what depends on time: "seconds" and "samples_per_second". */
static void timeless(const char *from, const char *to)
{
    char line[4000];
    FILE *f = fopen(from, "r"), *g = fopen(to, "w");
    demand(f != NULL && g != NULL, from);
    while (fgets(line, sizeof line, f) != NULL) {
        char *begin = strstr(line, "\"seconds\""), *end = strstr(line, "\"train_loss\"");
        demand(begin != NULL && end != NULL, "a line of the log");
        fprintf(g, "%.*s%s", (int)(begin - line), line, end);
    }
    fclose(f);
    demand(fclose(g) == 0, to);
}

static int run_shell(const char *line)
{
    return system(line);
}

static bool has_checkpoint(void)
{
    bool found = false;
    DIR *d = opendir("run");
    for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
        size_t n = strlen(e->d_name);
        found = found || (n > 12 && strcmp(e->d_name + n - 12, ".safetensors") == 0);
    }
    if (d != NULL) {
        closedir(d);
    }
    return found;
}

/* ---- a trial ---- */

static const char *whole_name(char out[40], const job *j, const char *what)
{
    snprintf(out, 40, "whole-%d.%s", (int)(j - jobs), what);
    return out;
}

static void leave_alone(job *j)
{
    char more[200];
    int n = (int)(j - jobs);
    snprintf(more, sizeof more, "--out|whole-%d.safetensors|--log|whole-%d.log|--checkpoint|whole-%d", n, n, n);
    double begin = now();
    int code = wait_for(start(j, more));
    j->seconds = now() - begin;
    if (code != 0) {
        show_stderr();
    }
    demand(code == 0, "a job that was left alone");
    snprintf(more, sizeof more, "rm -r whole-%d", n);
    demand(run_shell(more) == 0, "rm");
}

/* Resumes, or begins anew where nothing was saved yet, and compares. */
static bool finish(const job *j, int trial, bool anew)
{
    char more[200], whole[40], log[40];
    snprintf(more, sizeof more, "--out|model.safetensors|--log|log|--threads|%d|%s|run", 1 + trial / 3 % 2,
             anew ? "--checkpoint" : "--resume");
    int code = wait_for(start(j, more));
    timeless("log", "log.timeless");
    timeless(whole_name(log, j, "log"), "whole.timeless");
    bool same = code == 0 && same_files("model.safetensors", whole_name(whole, j, "safetensors")) &&
                same_files("log.timeless", "whole.timeless");
    if (!same) {
        fprintf(stderr, "trial %d, train %s %s: exit code %d; model or log differ; files are in %s\n", trial, j->data,
                j->options, code, folder);
        show_stderr();
    }
    return same;
}

/* What the OpenMP runtime of LLVM left behind: it has 1 kB of shared memory, named after its process, and a later process of
 * that number would die of finding it empty. */
static void forget_shared_memory(pid_t child)
{
    char name[80];
    snprintf(name, sizeof name, "/__KMP_REGISTERED_LIB_%d_%d", (int)child, (int)getuid());
    shm_unlink(name);
}

typedef enum blow { KILL, FULL_DISK } blow;

/* What happens to the child so many seconds after its start, or, if negative, after its first checkpoint, if it still runs
 * then: true. From a full disk on, no file may grow beyond a random size; of a process that has hardly begun not a small
 * one, since the OpenMP runtime of LLVM ends a process whose shared memory cannot be had. */
static bool strike(pid_t child, blow b, double seconds, int *code)
{
    double begin = now();
    while (seconds < 0 && !has_checkpoint() && now() - begin < 10) {
        pause_for(1e-4);
    }
    pause_for(fabs(seconds));
    double least = seconds < 0 ? 0 : 2048;
    struct rlimit limit = {(rlim_t)(least + uniform() * (12000 - least)), 0};
    limit.rlim_max = limit.rlim_cur;
    if (b == KILL) {
        kill(child, SIGKILL);
    } else {
        prlimit(child, RLIMIT_FSIZE, &limit, NULL);
    }
    *code = wait_for(child);
    forget_shared_memory(child);
    return b == KILL ? *code == 1000 + SIGKILL : *code != 0;
}

/* One job, struck once; *resumed: it had a checkpoint then. Where the moment came too late it is drawn again. */
static bool try_once(const job *j, int trial, blow b, bool *resumed)
{
    char more[200];
    int code = 0;
    double most = 0.5 * j->seconds;
    for (int draw = 0;; draw++) {
        demand(run_shell("rm -rf run log model.safetensors") == 0, "rm");
        snprintf(more, sizeof more, "--out|model.safetensors|--log|log|--threads|%d|--checkpoint|run", 1 + trial % 2);
        double from = trial % 8 == 7 ? 1 : -1; /* most of them once there is something to go on from */
        if (strike(start(j, more), b, from * uniform() * most, &code)) {
            break;
        }
        demand(code == 0 && draw < 100, "hitting a job");
        most *= 0.6;
    }
    if (b == FULL_DISK && code != 5) { /* a model or a checkpoint could not be written, and that was said */
        fprintf(stderr, "trial %d, train %s %s: exit code %d on a full disk, expected 5\n", trial, j->data, j->options,
                code);
        show_stderr();
        return false;
    }
    *resumed = has_checkpoint();
    return finish(j, trial, !*resumed);
}

/* ---- all of them ---- */

/* In memory where there is such a folder: what is written there outlives a process as well as on a disk, and need not be
 * waited for. */
static void choose_folder(void)
{
    const char *base = getenv("TMPDIR");
    if (base == NULL) {
        base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    }
    snprintf(folder, sizeof folder, "%s/backprop-kill-XXXXXX", base);
}

static int run_trials(int trials, blow b, const char *name)
{
    int same = 0, resumed = 0;
    for (int i = 0; i < trials; i++) {
        bool had = false;
        same += try_once(&jobs[i % JOBS], i, b, &had);
        resumed += had;
    }
    printf("%s at %d random moments: %d of them ended with the same model and log (%d went on from a checkpoint, %d "
           "had none "
           "yet)\n",
           name, trials, same, resumed, trials - resumed);
    return trials - same;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: kill COMMAND TRIALS [SEED]\n");
        return 2;
    }
    command = argv[1];
    int trials = atoi(argv[2]);
    chance = argc > 3 ? strtoull(argv[3], NULL, 10) : 1;
    choose_folder();
    demand(mkdtemp(folder) != NULL && chdir(folder) == 0, "making a folder");
    setenv("TMPDIR", folder, 1); /* where a model goes when its place is full */
    write_table();
    for (int i = 0; i < JOBS; i++) {
        leave_alone(&jobs[i]);
    }
    int different = run_trials(trials, KILL, "killed") + run_trials(trials, FULL_DISK, "disk full");
    if (different == 0) {
        char line[300];
        snprintf(line, sizeof line, "rm -r '%s'", folder);
        demand(chdir("/") == 0 && run_shell(line) == 0, "rm");
    }
    return different == 0 ? 0 : 1;
}
