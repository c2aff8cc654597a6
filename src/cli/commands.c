/* commands.c - the commands, the exit codes and the environment: three tables. */
#include "help.h"
#include "mirrors.h"

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
        {CODE_NETWORK, "data could not be fetched: no network, or no mirror has the right file"},
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
        {"https_proxy, http_proxy, no_proxy", "proxies for backprop fetch, as curl(1) reads them"},
        {"NO_COLOR", "if set, no colour"},
    };
    environment_info none = {NULL, NULL};
    return index < sizeof table / sizeof *table ? table[index] : none;
}

const cli_command command_table[COMMANDS] = {
    [CMD_TRAIN] =
        {"train", "[DATA]", 0, 1, "train a network on DATA and save it",
         "Trains a network on DATA, measures it on the test part, and saves it as one file that holds "
         "everything needed to "
         "predict: layers, weights, input scaling, class names and how it was trained. Without DATA it trains "
         "on digits, which are generated and need no download. Without options it uses the defaults for "
         "the kind of data, see below.\n\n"
         "DATA may be a table, a CSV file or the like. What is found in its columns and what becomes of each is told "
         "first; --target names the column to predict. Some rows are held back: training stops when it gets no better "
         "on them, and the best weights are kept. In the end the network is held against a linear model and against "
         "always giving the same answer, on the same rows: those of --test, else of --folds, else the ones held back. "
         "Measures that begin with train_ are those of all rows of the table that are not for the test.\n\n"
         "--search N tries N settings of a table first: the one that would be used without it and others drawn by "
         "--seed, by successive halving (Jamieson and Talwalkar 2016): all are trained for a part of their epochs, the "
         "best third of them three times as long, and so on. What other options say is the same for all of them. The "
         "scores are those of the validation rows or of the folds: the loss, but of classes, settings whose accuracy "
         "is "
         "clearly lower than the best come last. The best of many looks better than it is, the more so the fewer rows "
         "there are, so "
         "measure it on rows of its own: --test 0.2. Ctrl-C ends the search, and the best setting so far is "
         "trained.\n\n"
         "--init-from goes on from what a model has learned: network and weights, and the scaling of the inputs or, of "
         "a "
         "table, what becomes of its columns, which must be there. Where the data have other classes or numbers than "
         "the "
         "model, and with --new-head, the last layer is a new one; --freeze body trains that alone. The target of a "
         "table "
         "is that of the model unless --target says otherwise; weights of rows and classes have to be named again.\n\n"
         "The same options and seed give the same file, bit for bit, whatever the number of threads.\n\n"
         "Ctrl-C stops after the current step: what has been trained is measured and saved, and the exit "
         "code is 130. A "
         "second Ctrl-C ends at once.\n\n"
         "With --checkpoint the run survives even a power cut: the same command with --resume goes on from the newest "
         "checkpoint that is intact, and continues the --log. A disk that is full is told, and training goes on.",
         "backprop train  handwritten-looking digits, generated on the spot; within seconds\n"
         "backprop train mnist  the real ones, after: backprop fetch mnist\n"
         "backprop train mnist --net \"dense 512 relu, dropout 0.2\" --epochs 20  another network\n"
         "backprop train xor --json  the result for a program to read\n"
         "backprop train mnist --init-from mnist.safetensors --lr 0.0001  go on with less\n"
         "backprop train letters/ --init-from mnist.safetensors --freeze body  a new last layer on what it has "
         "learned\n"
         "backprop train mnist --checkpoint run1 --every \"5 minutes\"  a run that may be interrupted\n"
         "backprop train mnist --resume run1  and goes on\n"
         "backprop train houses.csv --target price --test 0.2  a table; a fifth of its rows tells how good it is\n"
         "backprop train iris.csv --folds 5  cross-validation, then a model of all rows\n"
         "backprop train houses.csv --search 30 --test 0.2  the best of 30 settings, measured on other rows\n",
         data_word, run_train},
    [CMD_EVAL] =
        {"eval", "MODEL DATA", 2, 2, "measure a model on DATA",
         "Prints loss, accuracy, balanced accuracy, log loss, macro F1 and AUC; precision, recall and F1 of each "
         "class, and the confusion matrix; for numbers "
         "the loss, the root of the mean squared error, the mean absolute error and R2. Uses the test part of DATA "
         "if it has one, else its training part.\n\n"
         "A table needs the columns that the model was trained on, the target too, in any order; what was filled in "
         "and what training did not know is told on stderr. To a model that knows no columns, since it was imported or "
         "trained on a data set, they are its inputs in their order, then the target; see predict.",
         "backprop eval mnist.safetensors mnist  all measures\n"
         "backprop eval mnist.safetensors mnist --part train --json  of the training images, as JSON\n"
         "backprop eval houses.safetensors new.csv  a table, prepared as the model was trained\n",
         data_word, run_eval},
    [CMD_PREDICT] =
        {"predict", "MODEL DATA", 2, 2, "predict the rows of a table, or the samples of a data set",
         "A model of a table predicts the rows of a file, or of - (standard input), plain or packed by gzip. Columns "
         "are found by their names, in any order, or by position where there is no header; the target is not needed, "
         "other columns are ignored. The answer is CSV with the delimiter of the input, a line for each row in the "
         "same "
         "order, with a header where the input has one: the columns that --id named in training, then prediction, "
         "and with --proba p(CLASS) for each class; of several targets prediction(NAME) for each. With --keep these "
         "follow "
         "the line as it stands in the file instead of the id columns. Numbers are as short as they can be to be read "
         "back "
         "without loss. A file of any length takes the same memory; from a pipe, rows are answered as they come.\n\n"
         "Values that the training rows did not have are counted on stderr. A missing value is filled in as in "
         "training; a model trained with --missing drop gives such a row an empty prediction, one trained with "
         "--missing error stops there.\n\n"
         "A model that was imported, or trained on a data set, knows no columns. Its inputs are those of the table, in "
         "their order, as plain numbers: as many as it takes, behind them perhaps the target, and none besides but "
         "those "
         "that --target, --drop and --id name. Which ones were taken is told on stderr. A missing value stops it.\n\n"
         "Of a data set it prints a line a sample, fields separated by tabs: the number of the row (from 0, within the "
         "part), "
         "then the name of the class and its probability; with --top K the K most probable classes, name and "
         "probability each, the best first. A model of numbers prints the row and its numbers. There is no "
         "heading. With --draw it is for people: each image is drawn, with its most probable classes beside it.\n\n"
         "Neither format will change.",
         "backprop predict houses.safetensors new.csv  a line for each row of new.csv\n"
         "backprop predict houses.safetensors new.csv --keep --out priced.csv  new.csv with a column more\n"
         "backprop predict imported.safetensors x.csv --drop name  columns by position, all but one\n"
         "backprop predict fraud.safetensors - --proba  rows of standard input, answered as they come\n"
         "backprop predict mnist.safetensors mnist --rows 0-9  the first ten test images\n"
         "backprop predict mnist.safetensors mnist --draw  the first five, drawn\n",
         data_word, run_predict},
    [CMD_EXPLAIN] =
        {"explain", "MODEL FILE", 2, 2, "show which columns of a table a model goes by",
         "Permutation importance (Breiman 2001; Fisher, Rudin and Dominici 2019): shuffles the values of one column "
         "over "
         "the rows of FILE, which must have the target too, and shows how much the loss grows and the accuracy (of "
         "numbers: R2) falls; mean and standard deviation of several shuffles, for each column alone. 0: the model "
         "answers as well without it.\n\n"
         "What it does not mean: it tells what this model uses, not what causes the target, nor what a better model "
         "would use. Columns that say nearly the same (longitude and postcode) stand in for each other: each alone "
         "looks "
         "unimportant, though the two together may be decisive. And shuffled rows may be such as never occur. Use rows "
         "that the "
         "model was not trained on: on others it also counts what was learned by heart.",
         "backprop explain houses.safetensors houses-test.csv  every column, the most important first\n"
         "backprop explain houses.safetensors houses.csv --rows 10000 --repeats 20  a sample of the rows, less "
         "chance\n",
         NULL, run_explain},
    [CMD_CHECK] =
        {"check", "[MODEL] DATA", 1, 2, "compare back-propagation with numerical differentiation",
         "Computes the gradient of the loss twice, by back-propagation and by central differences, (L(x+h) - "
         "L(x-h)) / 2h, in f64, and compares them for each parameter tensor and the input. The network is that of "
         "MODEL, or a new one from the network options. Elements at a kink of relu, where the numerical way has no "
         "answer, are counted and named. A relative difference above 1e-6, a NaN, or a gradient that is zero "
         "throughout fails: the exit code is then 1. Dropout is inactive during the check.",
         "backprop check xor --all  a small network, every element\n"
         "backprop check mnist.safetensors mnist --rows 4  a trained one, a sample of each tensor\n",
         data_word, run_check},
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
         NULL, run_inspect},
    [CMD_EXPORT] =
        {"export", "MODEL", 1, 1, "write a model in another program's format",
         "With --onnx the model becomes an ONNX graph, with everything from raw inputs to answers in it, for ONNX "
         "Runtime "
         "and its like. Its input is x, a row of numbers a sample, or, for a model of tables, one input a column under "
         "its name: numbers (a missing one is NaN), dates in seconds since 1970, and texts (a missing one is empty). A "
         "classifier answers with label and probabilities, another model with y. "
         "backprop import reads it back.\n\n"
         "With --c it becomes one file of C (C99, and C++ as well): weights, scaling, preparation of tables and names "
         "of classes; no malloc, no stdio, no global state. Working memory comes from the caller. From the C library "
         "it needs nothing but the functions of math.h that the activations call: it fits a microcontroller. "
         "What it declares stands at its beginning, or in the file of --header. A source with --with-test, compiled "
         "with -DMODEL_TEST_MAIN (MODEL: the name, in capitals), is a program that exits with 0 where the answers are "
         "right. What is told: the bytes of constants, which go into flash, and of memory; for int8 also the error of "
         "the outputs and the change of "
         "the accuracy.",
         "backprop export mnist.safetensors --onnx mnist.onnx  for ONNX Runtime\n"
         "backprop export mnist.safetensors --c mnist.c --header mnist.h --name mnist  for a program in C\n"
         "backprop export mnist.safetensors --c mnist.c --type int8 --calibrate mnist  a quarter of the size\n",
         NULL, run_export},
    [CMD_IMPORT] =
        {"import", "FILE", 1, 1, "make a model of a file that another library wrote",
         "Reads a trained network that another library saved and writes it as a model, which predicts, is evaluated "
         "and "
         "trained further like any other. Its answers are those of the original, but for rounding; what cannot be had "
         "so is refused by its name. The content of FILE tells what it is:\n\n"
         "  FANN         .net, version 2.1, with its scaling; layers of linear, sigmoid\n"
         "               and sigmoid symmetric neurons, of any steepness\n"
         "  KANN         chains of dense layers, dropout, sigmoid, tanh, relu and softmax\n"
         "  genann       its text; --output linear where the program set that\n"
         "  safetensors  the weights of a torch.nn.Sequential, with --net for what is\n"
         "               between them\n"
         "  ONNX         graphs as PyTorch, Keras and scikit-learn converters write\n"
         "               them: one input, layers that follow each other; f32 and f64,\n"
         "               weights in the file or beside it. --task classify makes\n"
         "               probabilities of the scores that PyTorch networks end in.\n"
         "               Files of backprop export give the model back\n\n"
         "Without --task the model answers with numbers, as the original does, unless its output is softmax.\n\n"
         "Numbers of the data go in as they are, bytes of images as 0 to 255, unless FILE or --scaling says otherwise. "
         "No such file knows the columns of a table: an imported model takes data sets, and tables whose columns are "
         "its inputs, in their order (help predict).",
         "backprop import robot.net --out robot.safetensors  a network of FANN\n"
         "backprop import net.onnx --task classify  a classifier of PyTorch\n"
         "backprop import pt.safetensors --net \"dense 50 relu\" --out mine.safetensors  the weights of PyTorch\n"
         "backprop import mnist.onnx --task classify --scaling 0,255  one that was trained on 0..1, given bytes\n"
         "backprop import old.net --approximate  one with stepwise sigmoids, which become smooth\n",
         NULL, run_import},
    [CMD_BENCH] =
        {"bench", "[WORK ...]", 0, MAX_POSITIONALS,
         "measure how fast this machine trains, and what it could do at most",
         "Measures training steps, single predictions, matrix products alone and memory, and holds each against the "
         "limits of this machine, measured by the same program: the multiply-adds that its registers allow, and the "
         "bytes a second that come from memory. Without WORK it measures all:\n\n"
         "  W1      784-50-10 relu, cross-entropy, batch 100, SGD, an epoch of MNIST\n"
         "  W2      784-512-512-10 relu, cross-entropy, batch 128, Adam, an epoch of MNIST\n"
         "  W3      2048-2048-2048-2048 relu, mse, batch 512, SGD\n"
         "  W4      16-32-32-1 relu, mse, batch 32, Adam\n"
         "  W5      2-10-1 sigmoid, mse, batch 10, SGD\n"
         "  W6      784-50-10, predicting one row at a time\n"
         "  gemm    the matrix products of these, alone\n"
         "  memory  the most memory that a process training W1 takes\n\n"
         "Times are medians of repeated runs. A workload is measured with as many threads as pay for it and, where "
         "those "
         "are several, with one; with --threads N, with N alone. Where MNIST is not found, W1, W2 and W6 take "
         "generated "
         "images of the same shape. Other programs running at the same time falsify the figures.",
         "backprop bench  all of it, in about a minute\n"
         "backprop bench W1 W2 --threads 1  two workloads, on one thread\n"
         "backprop bench --quick --kernel avx2  a rough look at another instruction set\n",
         bench_word, run_bench},
    [CMD_DATA] =
        {"data", "[NAME]", 0, 1, "list the data sets, or write one as IDX files",
         "Without NAME it lists the data sets: what they are, and where they are on this machine or how to get them. "
         "With NAME it shows what is in that set.\n\n"
         "With --out it writes the set into a directory, as the four IDX files that MNIST consists of; such a "
         "directory is a data set again: backprop train DIR. Sets that are not images are written likewise, with "
         "rows of numbers for images. With --sheet it writes the first images side by side into one picture to look "
         "at.\n\n"
         "digits, xor, spirals, circles and moons are generated: the same --rows and --seed give the same bytes.",
         "backprop data  what there is\n"
         "backprop data digits --out digits --sheet digits.png  70,000 generated digits, and a picture of some\n"
         "backprop data mnist --sheet mnist.png  real ones, to compare\n",
         data_word, run_data},
    [CMD_FETCH] =
        {"fetch", "NAME", 1, 1, "download a public data set",
         "Downloads the four files of a data set into the cache directory, where the other commands find it by its "
         "name. NAME is mnist (LeCun, Cortes, Burges; 11.6 MB) or fashion-mnist (Xiao, Rasul, Vollgraf; 30.9 MB).\n\n"
         "Each file is checked against its SHA-256 and gets its name only when it is right. Files that are here and "
         "right are left alone; a download that was cut, or stopped with Ctrl-C, goes on where it ended. When a "
         "mirror fails, the next one is asked.",
         "backprop fetch mnist  then: backprop train mnist\n"
         "backprop fetch mnist --mirror https://data.example.org/mnist/  from elsewhere, with the same checks\n"
         "backprop fetch fashion-mnist --data-dir data  into data/fashion-mnist\n",
         remote_word, run_fetch},
    [CMD_VERSION] = {"version", "", 0, 0, "show version, instruction sets and threads", "Also: backprop --version.",
                     "backprop version  for people and bug reports\n", NULL, run_version},
    [CMD_HELP] =
        {"help", "[COMMAND]", 0, 1, "show how to use a command",
         "Shows the commands, or one of them in full. The manual pages and the shell completions come from the same "
         "tables.",
         "backprop help train  all options of train, with their defaults\n"
         "backprop help --man train | man -l -  the same as a manual page\n"
         "backprop help --completions bash  completions, to be sourced by the shell\n",
         command_name_at, run_help},
};
