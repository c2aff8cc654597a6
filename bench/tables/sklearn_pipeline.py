"""sklearn_pipeline.py - a table's way through scikit-learn: read by pandas, imputed, scaled, one-hot, a plain MLP.

  sklearn_pipeline.py choose TABLE TRAIN SEED               the candidate that is best by validation inside TRAIN, as JSON
  sklearn_pipeline.py fit TABLE TRAIN TEST SEED CANDIDATE   fits it, saves it, measures it on TEST; seconds and measures as JSON

"seconds" is from CSV file to saved model, without the start of Python and its imports; "ready" is the time on the machine's
monotonic clock at which the model was saved, from which the caller knows the seconds with them.
"""
import json
import os
import sys
import tempfile
import time
import warnings

import joblib
import numpy
import pandas
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor, make_column_selector
from sklearn.impute import SimpleImputer
from sklearn.metrics import log_loss, mean_squared_error, roc_auc_score
from sklearn.model_selection import KFold, ShuffleSplit, StratifiedKFold, StratifiedShuffleSplit, cross_val_score
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import tables

warnings.filterwarnings("ignore")  # "did not converge": max_iter is part of a candidate

LARGE = 10000  # rows from which the candidates of large tables are tried
CANDIDATES = {
    "default": {},
    "longer": {"max_iter": 2000},
    "alpha 0.1": {"alpha": 0.1, "max_iter": 2000},
    "alpha 1": {"alpha": 1.0, "max_iter": 2000},
    "64-64": {"hidden_layer_sizes": (64, 64), "alpha": 0.01, "max_iter": 2000},
    "stopping": {"early_stopping": True, "max_iter": 1000},
    "lbfgs, alpha 0.1": {"solver": "lbfgs", "alpha": 0.1, "max_iter": 2000},
    "lbfgs, alpha 1": {"solver": "lbfgs", "alpha": 1.0, "max_iter": 2000},
    "stopping, 64-64": {"hidden_layer_sizes": (64, 64), "early_stopping": True},
    "stopping, 128": {"hidden_layer_sizes": (128,), "early_stopping": True},
    "stopping, 128-128": {"hidden_layer_sizes": (128, 128), "early_stopping": True},
    "stopping, 64-64, alpha 0.01": {"hidden_layer_sizes": (64, 64), "early_stopping": True, "alpha": 0.01},
    "stopping, 64-64, alpha 0.1": {"hidden_layer_sizes": (64, 64), "early_stopping": True, "alpha": 0.1},
}
SMALL_TRIED = ["default", "longer", "alpha 0.1", "alpha 1", "64-64", "stopping", "lbfgs, alpha 0.1", "lbfgs, alpha 1"]
LARGE_TRIED = ["default", "stopping", "stopping, 64-64", "stopping, 128", "stopping, 128-128", "stopping, 64-64, alpha 0.01",
               "stopping, 64-64, alpha 0.1"]  # fmt: skip


def read(table, path):
    header = 0 if tables.read_lines(path)[0] else None
    frame = pandas.read_csv(path, header=header, na_values="?", skipinitialspace=True)
    target = table.get("target", frame.columns[-1])
    y = frame.pop(target)
    frame.columns = [str(c) for c in frame.columns]
    if y.dtype == object:
        y = y.str.rstrip(".")
    return frame, y.to_numpy()


def pipeline(table, candidate, seed):
    columns = ColumnTransformer([
        ("numbers", make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler()),
         make_column_selector(dtype_include="number")),
        ("texts", make_pipeline(SimpleImputer(strategy="constant", fill_value="missing"), OneHotEncoder(handle_unknown="ignore")),
         make_column_selector(dtype_include=object)),
    ])  # fmt: skip
    settings = dict(CANDIDATES[candidate], random_state=seed)
    if table["task"] == "classify":
        return make_pipeline(columns, MLPClassifier(**settings))
    return TransformedTargetRegressor(make_pipeline(columns, MLPRegressor(**settings)), transformer=StandardScaler())


def inner(table, rows, seed):
    """How candidates are compared: 5 folds of the training part, a quarter of it where it has 1000 rows or more."""
    classes = table["task"] == "classify"
    if rows >= 1000:
        return (StratifiedShuffleSplit if classes else ShuffleSplit)(1, test_size=0.25, random_state=seed)
    return (StratifiedKFold if classes else KFold)(5, shuffle=True, random_state=seed)


def choose(table, train, seed):
    x, y = read(table, train)
    tried = LARGE_TRIED if len(x) >= LARGE else SMALL_TRIED
    how = {"cv": inner(table, len(x), seed), "scoring": "accuracy" if table["task"] == "classify" else "r2"}
    score = {c: float(cross_val_score(pipeline(table, c, seed), x, y, error_score="raise", **how).mean()) for c in tried}
    return {"candidate": max(tried, key=score.get), "scores": score}


def measure(table, model, x, y):
    if table["task"] == "regress":
        return {"r2": model.score(x, y), "rmse": float(numpy.sqrt(mean_squared_error(y, model.predict(x))))}
    p = model.predict_proba(x)
    out = {"accuracy": model.score(x, y), "log_loss": log_loss(y, p, labels=model.classes_)}
    out["auc"] = one_against_rest(y, p, model.classes_)
    return out


def one_against_rest(y, p, classes):
    """The mean over the classes that occur in y, which need not be all."""
    if len(classes) == 2:
        return roc_auc_score(y == classes[1], p[:, 1])
    return float(numpy.mean([roc_auc_score(y == c, p[:, k]) for k, c in enumerate(classes) if 0 < numpy.sum(y == c) < len(y)]))


def fit(table, train, test, seed, candidate):
    start = time.monotonic()
    x, y = read(table, train)
    model = pipeline(table, candidate, seed).fit(x, y)
    with tempfile.TemporaryDirectory() as folder:
        joblib.dump(model, os.path.join(folder, "model"))
    ready = time.monotonic()
    return dict(measure(table, model, *read(table, test)), seconds=ready - start, ready=ready)


if __name__ == "__main__":
    what, name, arguments = sys.argv[1], tables.find(sys.argv[2]), sys.argv[3:]
    if what == "choose":
        print(json.dumps(choose(name, arguments[0], int(arguments[1]))))
    else:
        print(json.dumps(fit(name, arguments[0], arguments[1], int(arguments[2]), arguments[3])))
