#!/usr/bin/python3
"""Makes measures.json: what scikit-learn says about given outputs, for tests/test_measures.c.

    python3 make_measures.py           write measures.json
    python3 make_measures.py --check   write nothing; compare with the committed file

Written with scikit-learn 1.2 and NumPy 1.24 (Debian 12: python3-sklearn, python3-numpy). A case is a network without hidden
layers and with the identity as its weights: x are its outputs before the output activation. Its name says which:

    sigmoid   two classes, one unit, loss bce; x is the logit of class 1, many of them equal
    softmax   classes, x are the logits
    linear    classes, loss mse: x are the outputs, many of them equal; no probabilities
    labels    several yes/no answers, loss bce; x are the logits, many of them equal
    numbers   x are the answers, y the targets

Equal scores make ties in the ROC curve. weight is null or a number for each row. Floats read back exactly.
"""
import json
import os
import sys
import warnings

import numpy as np
from sklearn import metrics as m

HERE = os.path.dirname(os.path.abspath(__file__))
ROWS = 45


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def columns(truth, said, scores, weight):
    """Measures of one-against-the-rest columns of 0 and 1."""
    p, r, f, _ = m.precision_recall_fscore_support(truth, said, sample_weight=weight, average=None, zero_division=0)
    both = (truth == 1).any(axis=0) & (truth == 0).any(axis=0)
    auc = [m.roc_auc_score(truth[:, c], scores[:, c], sample_weight=weight) if both[c] else None
           for c in range(truth.shape[1])]
    return {"precision": p.tolist(), "recall": r.tolist(), "f1": f.tolist(), "class_auc": auc,
            "auc": float(np.mean([a for a in auc if a is not None]))}


def classes(label, said, scores, probabilities, k, weight):
    every = np.arange(k)
    out = columns((label[:, None] == every).astype(int), (said[:, None] == every).astype(int), scores, weight)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of classes that are said but do not occur
        balanced = m.balanced_accuracy_score(label, said, sample_weight=weight)
    out.update(accuracy=m.accuracy_score(label, said, sample_weight=weight), balanced_accuracy=balanced,
               macro_f1=m.f1_score(label, said, sample_weight=weight, average="macro", zero_division=0),
               confusion=m.confusion_matrix(label, said, labels=every).tolist())
    if probabilities is not None:
        p = np.clip(probabilities[np.arange(len(label)), label], 1e-15, None)
        out["log_loss"] = float(np.average(-np.log(p), weights=weight))
        official = m.log_loss(label, probabilities, labels=every, sample_weight=weight)
        assert probabilities.min() < 1e-12 or abs(official - out["log_loss"]) < 1e-12
    return out


def grid(rng, *shape):
    return np.round(rng.normal(size=shape) * 4) / 4


def sigmoid_case(rng, weight, extreme=False):
    label = rng.integers(0, 2, ROWS)
    x = grid(rng, ROWS, 1) + 0.75 * label[:, None]
    if extreme:
        x[3], label[3] = 60, 0  # a probability below the least that counts
    p = sigmoid(x)
    both = np.hstack([1 - p, p])
    both[:, 0] = 1 - both[:, 1]
    out = classes(label, (x[:, 0] > 0).astype(int), np.hstack([-x, x]), both, 2, weight)
    return x, label, out


def softmax_case(rng, weight, absent=False):
    k = 5 if absent else 4
    label = rng.integers(0, 4, ROWS)
    x = rng.normal(size=(ROWS, k)) + 1.2 * np.eye(k)[label]
    return x, label, classes(label, x.argmax(axis=1), softmax(x), softmax(x), k, weight)


def linear_case(rng, weight):
    label = rng.integers(0, 3, ROWS)
    x = grid(rng, ROWS, 3) + 0.5 * np.eye(3)[label]
    return x, label, classes(label, x.argmax(axis=1), x, None, 3, weight)


def labels_case(rng, weight):
    y = (rng.random((ROWS, 4)) < [0.5, 0.2, 0.8, 0]).astype(int)  # the last never occurs
    x = grid(rng, ROWS, 4) + 1.5 * y - 0.6
    x[:, 3] = -abs(x[:, 3])
    said = (x > 0).astype(int)
    p = sigmoid(x)
    out = columns(y, said, x, weight)
    right = np.where(y == 1, p, 1 - p)
    involved = [c for c in range(4) if y[:, c].any() or said[:, c].any()]
    out.update(accuracy=m.accuracy_score(y, said, sample_weight=weight),
               label_accuracy=1 - m.hamming_loss(y, said, sample_weight=weight),
               macro_f1=m.f1_score(y, said, sample_weight=weight, average="macro", labels=involved, zero_division=0),
               log_loss=float(np.average(-np.log(right).mean(axis=1), weights=weight)))
    return x, y, out


def numbers_case(rng, weight):
    y = rng.normal(size=(ROWS, 3)) * [1, 20, 0.1] + [0, 50, 3]
    x = y + rng.normal(size=(ROWS, 3)) * [0.3, 9, 0.02]
    out = {"rmse": m.mean_squared_error(y, x, sample_weight=weight) ** 0.5,
           "mae": m.mean_absolute_error(y, x, sample_weight=weight),
           "r2": m.r2_score(y, x, sample_weight=weight, multioutput="variance_weighted")}
    return x, y, out


CASES = [
    ("sigmoid", sigmoid_case, {}),
    ("sigmoid", sigmoid_case, {"extreme": True}),
    ("softmax", softmax_case, {}),
    ("softmax", softmax_case, {"absent": True}),
    ("linear", linear_case, {}),
    ("labels", labels_case, {}),
    ("numbers", numbers_case, {}),
]


def make():
    rng = np.random.default_rng(20)
    lines = []
    for name, case, how in CASES:
        for weighted in (False, True):
            weight = rng.integers(0, 6, ROWS) / 2 if weighted else None
            x, truth, expected = case(rng, weight, **how)
            lines.append(json.dumps({"name": name, "rows": ROWS, "inputs": x.shape[1], "x": x.ravel().tolist(),
                                     "truth": np.ravel(truth).tolist(), "weight": weight.tolist() if weighted else None,
                                     "expected": expected}))
    return "[\n" + ",\n".join(lines) + "\n]\n"


def same(a, b):
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b or (isinstance(a, float) and abs(a - b) <= 1e-12 * max(1, abs(a)))


def main():
    path = os.path.join(HERE, "measures.json")
    text = make()
    if sys.argv[1:] == ["--check"]:
        with open(path) as f:
            return 0 if same(json.loads(text), json.load(f)) else "measures.json is not what scikit-learn says"
    with open(path, "w") as f:
        f.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
