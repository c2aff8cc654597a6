"""tables.py - the tables of the comparison, and how each is split into a training and a test part.

A part is a CSV file made of the lines of the original, unchanged, so that every program gets the same rows; the folds and
splits are scikit-learn's, drawn by a seed.
"""
import csv
import os

FOLDS = 5
SHARE = 0.2  # of the test part, where a table is split once

# name: file, how it is split, task, what the reader must be told. The target is the last column where none is named.
TABLES = {
    "california": {"file": "california-housing.csv", "split": "share", "task": "regress", "target": "median_house_value"},
    "adult": {"file": "adult-train.csv", "test": "adult-test.csv", "split": "given", "task": "classify"},
    "iris": {"file": "iris.csv", "split": "folds", "task": "classify"},
    "wine": {"file": "wine.csv", "split": "folds", "task": "classify"},
    "pima": {"file": "pima-indians-diabetes.csv", "split": "folds", "task": "classify"},
    "sonar": {"file": "sonar.csv", "split": "folds", "task": "classify"},
    "red, class": {"file": "winequality-red.csv", "split": "folds", "task": "classify"},
    "red, number": {"file": "winequality-red.csv", "split": "folds", "task": "regress"},
    "white, class": {"file": "winequality-white.csv", "split": "folds", "task": "classify"},
    "white, number": {"file": "winequality-white.csv", "split": "folds", "task": "regress"},
}
# Tables that come with scikit-learn and had no part in choosing defaults.
UNSEEN = {
    "cancer": {"make": "load_breast_cancer", "split": "folds", "task": "classify"},
    "digits": {"make": "load_digits", "split": "folds", "task": "classify"},
    "diabetes": {"make": "load_diabetes", "split": "folds", "task": "regress"},
}


def find(name):
    return {**TABLES, **UNSEEN}[name]


def slug(name):
    return name.replace(", ", "-")


def make_unseen(table, path):
    """A table that comes with scikit-learn as a CSV file with names of columns and classes."""
    from sklearn import datasets

    made = getattr(datasets, table["make"])()
    classes = getattr(made, "target_names", None) if table["task"] == "classify" else None
    with open(path, "w", newline="") as f:
        out = csv.writer(f, lineterminator="\n")
        out.writerow(list(made.feature_names) + ["target"])
        for x, y in zip(made.data, made.target):
            out.writerow(["%.9g" % v for v in x] + ["class %s" % classes[y] if classes is not None else "%.9g" % y])


def is_number(cell):
    try:
        return float(cell) is not None
    except ValueError:
        return False


def read_lines(path):
    """The header, or None, and the lines with content."""
    with open(path, newline="") as f:
        lines = [line.rstrip("\r\n") for line in f]
    lines = [line for line in lines if line.strip()]
    return (None, lines) if any(map(is_number, lines[0].split(","))) else (lines[0], lines[1:])


def write_part(path, header, lines):
    with open(path, "w", newline="") as f:
        f.write("".join(line + "\n" for line in ([header] if header else []) + lines))


def draw(table, lines, seed):
    """The (training, test) numbers of lines of each fold."""
    from sklearn.model_selection import KFold, ShuffleSplit, StratifiedKFold

    if table["split"] == "share":
        return ShuffleSplit(1, test_size=SHARE, random_state=seed).split(lines)
    if table["task"] == "regress":
        return KFold(FOLDS, shuffle=True, random_state=seed).split(lines)
    labels = [line.rsplit(",", 1)[1].strip() for line in lines]
    return StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(lines, labels)


def parts(name, data, work, seed):
    """Writes the parts of a table for a seed where they are not there yet: a list of (training file, test file)."""
    table = find(name)
    if table["split"] == "given":
        return [(os.path.join(data, table["file"]), os.path.join(data, table["test"]))]
    folder = os.path.join(work, "parts", slug(name))
    os.makedirs(folder, exist_ok=True)
    if "make" in table:
        path = os.path.join(folder, "all.csv")
        if not os.path.exists(path):
            make_unseen(table, path)
    else:
        path = os.path.join(data, table["file"])
    header, lines = read_lines(path)
    out = []
    for fold, (train, test) in enumerate(draw(table, lines, seed)):
        pair = [os.path.join(folder, "seed%d-fold%d-%s.csv" % (seed, fold, part)) for part in ("train", "test")]
        for part, rows in zip(pair, (train, test)):
            if not os.path.exists(part):
                write_part(part, header, [lines[i] for i in rows])
        out.append(tuple(pair))
    return out
