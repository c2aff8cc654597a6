/* commands.c - the commands, the exit codes and the environment: three tables. */
#include "cli.h"

const char *command_name_at(size_t index)
{
    return index < COMMANDS ? command_table[index].name : NULL;
}

exit_code_info exit_code_at(size_t index)
{
    static const exit_code_info table[] = {
        {CODE_OK, "success"},
        {CODE_NEGATIVE, "the result is negative: a gradient check failed"},
        {CODE_USAGE, "the command line makes no sense"},
        {CODE_DATA, "data or a model file cannot be used"},
        {CODE_NUMERIC, "training diverged: a loss, gradient or weight was not finite"},
        {CODE_OUTPUT, "output could not be written"},
        {CODE_FAULT, "out of memory, or a fault in backprop itself"},
        {CODE_INTERRUPTED, "interrupted (Ctrl-C); what was trained is saved"},
    };
    exit_code_info none = {CODE_OK, NULL};
    return index < sizeof table / sizeof *table ? table[index] : none;
}

environment_info environment_at(size_t index)
{
    static const environment_info table[] = {
        {"BACKPROP_DATA", "folder in which named data is looked for, after --data-dir"},
        {"XDG_CACHE_HOME", "its folder backprop is the last place where named data is looked for (~/.cache)"},
        {"NO_COLOR", "if set, no colour"},
    };
    environment_info none = {NULL, NULL};
    return index < sizeof table / sizeof *table ? table[index] : none;
}

const cli_command command_table[COMMANDS] = {
    [CMD_TRAIN] = {"train", "DATA", 1, 1, "train a network on DATA and save it",
                   "Trains a network on DATA, measures it on the test part, and saves it as one file that holds "
                   "everything needed to "
                   "predict: layers, weights, input scaling, class names and how it was trained. Without options it "
                   "uses the defaults "
                   "for the kind of data, see below.\n\n"
                   "The same options and seed give the same file, bit for bit, whatever the number of threads.\n\n"
                   "Ctrl-C stops after the current step: what has been trained is measured and saved, and the exit "
                   "code is 130. A "
                   "second Ctrl-C ends at once.",
                   "backprop train mnist  a good network for MNIST, within seconds\n"
                   "backprop train mnist --net \"dense 512 relu, dropout 0.2\" --epochs 20  another network\n"
                   "backprop train xor --json  the result for a program to read\n"
                   "backprop train mnist --init-from mnist.safetensors --lr 0.0001  go on with less\n",
                   run_train},
    [CMD_EVAL] =
        {"eval", "MODEL DATA", 2, 2, "measure a model on DATA",
         "Prints loss and accuracy, precision, recall and F1 of each class, and the confusion matrix; for numbers "
         "the loss, the root of the mean squared error, the mean absolute error and R2. Uses the test part of DATA "
         "if it has one, else its training part.",
         "backprop eval mnist.safetensors mnist  all measures\n"
         "backprop eval mnist.safetensors mnist --part train --json  of the training images, as JSON\n",
         run_eval},
    [CMD_PREDICT] =
        {"predict", "MODEL DATA", 2, 2, "predict the samples of DATA",
         "Prints a line a sample, fields separated by tabs: the number of the row (from 0, within the part), "
         "then the name of the class and its probability; with --top K the K most probable classes, name and "
         "probability each, the best first. A model of numbers prints the row and its numbers. There is no "
         "heading, and the format will not change.",
         "backprop predict mnist.safetensors mnist --rows 0-9  the first ten test images\n"
         "backprop predict mnist.safetensors mnist --top 3 --out predictions.tsv  all of them, three guesses "
         "each\n",
         run_predict},
    [CMD_CHECK] =
        {"check", "[MODEL] DATA", 1, 2, "compare back-propagation with numerical differentiation",
         "Computes the gradient of the loss twice, by back-propagation and by central differences, (L(x+h) - "
         "L(x-h)) / 2h, in f64, and compares them for each parameter tensor and the input. The network is that of "
         "MODEL, or a new one from the network options. Elements at a kink of relu, where the numerical way has no "
         "answer, are counted and named. A relative difference above 1e-6, a NaN, or a gradient that is zero "
         "throughout fails: the exit code is then 1. Dropout is inactive during the check.",
         "backprop check xor --all  a small network, every element\n"
         "backprop check mnist.safetensors mnist --rows 4  a trained one, a sample of each tensor\n",
         run_check},
    [CMD_INSPECT] =
        {"inspect", "MODEL", 1, 1, "show what is in a model, or what happens inside it",
         "Shows the layers with their shapes, parameters and floating-point operations, the memory a prediction "
         "and a training step take, the scaling of the inputs, and how the model was trained.\n\n"
         "With --trace DATA it shows back-propagation at work for one sample, layer by layer, named after its "
         "four equations (Nielsen, Neural Networks and Deep Learning, chapter 2):\n"
         "  BP1  delta = dC/da * f'(z)                    the error of the output layer\n"
         "  BP2  delta = (delta' w'^T) * f'(z)            from the next layer (') back to this one\n"
         "  BP3  dC/db = delta\n"
         "  BP4  dC/dw = a_in^T delta                     a_in: what the layer before gave",
         "backprop inspect mnist.safetensors  layers, sizes, origin\n"
         "backprop inspect mnist.safetensors --trace mnist --row 7  all quantities of test image 7\n",
         run_inspect},
    [CMD_VERSION] = {"version", "", 0, 0, "show version, instruction sets and threads", "Also: backprop --version.",
                     "backprop version  for people and bug reports\n", run_version},
    [CMD_HELP] =
        {"help", "[COMMAND]", 0, 1, "show how to use a command",
         "Shows the commands, or one of them in full. The manual pages and the shell completions come from the same "
         "tables.",
         "backprop help train  all options of train, with their defaults\n"
         "backprop help --man train | man -l -  the same as a manual page\n"
         "backprop help --completions bash  completions, to be sourced by the shell\n",
         run_help},
};
