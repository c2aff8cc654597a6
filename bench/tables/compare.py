"""compare.py - backprop and scikit-learn's plain networks on the same folds of the same tables: how good, how fast.

scikit-learn gets its defaults, and the best of some settings chosen by validation inside each training part; backprop gets
`backprop train FILE.csv`. Start it with `make bench-tables`, which installs what is needed. Scores are kept in --work, so
that a run that was interrupted goes on, and one program can be measured anew (--again) without the other.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

import tables

HERE = os.path.dirname(os.path.abspath(__file__))
PYTHON = "/usr/bin/python3"  # which Debian's packages belong to
MEASURE = {"classify": "accuracy", "regress": "r2"}


def find_data():
    places = [os.environ.get("BACKPROP_DATA"), os.path.join(HERE, "../../../shared/data")]
    return next((os.path.join(p, "csv") for p in places if p and os.path.isdir(os.path.join(p, "csv"))), None)


def arguments():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--backprop", required=True, help="the command")
    p.add_argument("--data", default=find_data(), help="folder of the CSV files; default: where tests look for them")
    p.add_argument("--work", required=True, help="folder for folds and scores")
    p.add_argument("--tables", help="only these, separated by semicolons")
    p.add_argument("--unseen", action="store_true", help="the tables that come with scikit-learn instead")
    p.add_argument("--seeds", type=int, default=3, help="splits of each table; default 3")
    p.add_argument("--only", choices=["sklearn", "backprop", "none"], help="score only this program; none: only what is kept")
    p.add_argument("--again", action="store_true", help="forget the scores of the programs that are scored")
    p.add_argument("--time", type=int, default=0, metavar="ROUNDS", help="also measure times, in so many rounds")
    p.add_argument("--train", default="", help="further options of backprop train")
    options = p.parse_args()
    if not options.data and not options.unseen:
        p.error("no data found: name their folder with --data, or its parent in BACKPROP_DATA")
    return options


# ---- scores that are kept ---------------------------------------------------------------------------------------------


class Scores:
    """One line of JSON a score: [program, table, seed, fold], then what was measured."""

    def __init__(self, path, forget):
        self.path, self.kept = path, {}
        if os.path.exists(path):
            with open(path) as f:
                self.kept = {tuple(key): value for key, value in map(json.loads, f) if key[0] not in forget}
        with open(path, "w") as f:
            f.writelines(json.dumps([key, value]) + "\n" for key, value in self.kept.items())

    def get(self, key, make):
        if key not in self.kept:
            self.kept[key] = make()
            with open(self.path, "a") as f:
                f.write(json.dumps([key, self.kept[key]]) + "\n")
        return self.kept[key]


# ---- the two programs -------------------------------------------------------------------------------------------------


def environment(threads):
    env = dict(os.environ, OPENBLAS_NUM_THREADS=str(threads), OMP_NUM_THREADS=str(threads))
    with open("/proc/cpuinfo") as f:
        if "avx512f" in f.read():
            env["OPENBLAS_CORETYPE"] = "SkylakeX"  # which Debian's OpenBLAS does not choose on every such processor
    return env


def output(command, env=None):
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit("%s\nfailed:\n%s" % (" ".join(command), done.stderr))
    return done.stdout


def sklearn(threads, *what):
    start = time.monotonic()
    out = json.loads(output([PYTHON, "-B", os.path.join(HERE, "sklearn_pipeline.py"), *map(str, what)], environment(threads)))
    if "ready" in out:
        out["all_seconds"] = out.pop("ready") - start
    return out


def backprop(options, name, train, test, seed):
    table = tables.find(name)
    with tempfile.TemporaryDirectory() as folder:
        model = os.path.join(folder, "model")
        command = [options.backprop, "train", train, "--quiet", "--task", table["task"], "--seed", str(seed), "--out", model]
        command += ["--target", table["target"]] if "target" in table else []
        start = time.monotonic()
        output(command + options.train.split())
        seconds = time.monotonic() - start
        out = json.loads(output([options.backprop, "eval", model, test, "--json"]))
    return dict({k: out[k] for k in ("accuracy", "log_loss", "auc", "r2", "rmse") if k in out}, all_seconds=seconds)


# ---- scores and times of a table --------------------------------------------------------------------------------------


def score(options, scores, name):
    """For each program the list of what was measured, on the parts that all of those that are kept or scored have."""
    out = {"default": [], "best": [], "backprop": []}
    for seed in range(1, options.seeds + 1):
        for fold, (train, test) in enumerate(tables.parts(name, options.data, options.work, seed)):
            key = (name, seed, fold)
            if options.only in (None, "sklearn"):
                best = scores.get(("choice",) + key, lambda: sklearn(1, "choose", name, train, seed))["candidate"]
                for what, candidate in (("default", "default"), ("best", best)):
                    fit = lambda: dict(sklearn(1, "fit", name, train, test, seed, candidate), candidate=candidate)
                    scores.get((what,) + key, fit)
            if options.only in (None, "backprop"):
                scores.get(("backprop",) + key, lambda: backprop(options, name, train, test, seed))
            if all((what,) + key in scores.kept for what in out if options.only in (None, "none") or what == options.only):
                for what in out:
                    out[what] += [scores.kept[(what,) + key]] if (what,) + key in scores.kept else []
    return out


def seconds(options, scores, name):
    """Medians over the rounds, of the first part of seed 1: (best, best without the start, backprop)."""
    train, test = tables.parts(name, options.data, options.work, 1)[0]
    best = scores.kept[("choice", name, 1, 0)]["candidate"]
    rounds = []
    for _ in range(options.time):
        runs = [sklearn(threads, "fit", name, train, test, 1, best) for threads in (1, 2)]
        ours = backprop(options, name, train, test, 1)["all_seconds"]
        rounds.append((min(r["all_seconds"] for r in runs), min(r["seconds"] for r in runs), ours))
    return [best] + [statistics.median(column) for column in zip(*rounds)]


# ---- the report -------------------------------------------------------------------------------------------------------


def mean(rows, what):
    values = [row[what] for row in rows if row.get(what) is not None]
    return statistics.mean(values) if values else float("nan")


def error(ours, theirs, what):
    """The standard error of the mean difference, part by part: folds of one seed share rows, so it is a rough guide."""
    d = [a[what] - b[what] for a, b in zip(ours, theirs)] if len(ours) == len(theirs) else []
    return statistics.stdev(d) / len(d) ** 0.5 if len(d) > 1 else float("nan")


def report(results, times):
    print("\n| table | parts | measure | sklearn default | sklearn best | backprop | difference | log-loss or RMSE, best | backprop |")
    print("|---|--:|---|--:|--:|--:|--:|--:|--:|")
    differences = []
    for name, r in results.items():
        what = MEASURE[tables.find(name)["task"]]
        second = "log_loss" if what == "accuracy" else "rmse"
        d = mean(r["backprop"], what) - mean(r["best"], what)
        differences.append(d)
        spread = error(r["backprop"], r["best"], what)
        print("| %s | %d | %s | %.4f | %.4f | **%.4f** | %+.4f ± %.4f | %.4g | %.4g |" % (
            name, max(map(len, r.values())), what, mean(r["default"], what), mean(r["best"], what), mean(r["backprop"], what), d, spread,
            mean(r["best"], second), mean(r["backprop"], second)))  # fmt: skip
    print("| mean | | | | | | %+.4f | | |" % statistics.mean(differences))
    if times:
        print("\n| table | setting chosen for scikit-learn | scikit-learn | without its start | backprop | times faster | without its start |")
        print("|---|---|--:|--:|--:|--:|--:|")
    for name, (candidate, best, bare, ours) in times.items():
        print("| %s | %s | %.2f s | %.2f s | %.3f s | %.1f | %.1f |" % (name, candidate, best, bare, ours, best / ours, bare / ours))


def main():
    options = arguments()
    os.makedirs(options.work, exist_ok=True)
    names = options.tables.split(";") if options.tables else list(tables.UNSEEN if options.unseen else tables.TABLES)
    forget = {"sklearn": ["choice", "default", "best"], "backprop": ["backprop"], "none": []}
    forgotten = (forget[options.only] if options.only else sum(forget.values(), [])) if options.again else []
    scores = Scores(os.path.join(options.work, "scores.jsonl"), forgotten)
    results, times = {}, {}
    for name in names:
        print(name, end=" ", flush=True, file=sys.stderr)
        results[name] = score(options, scores, name)
        if options.time:
            times[name] = seconds(options, scores, name)
    print(file=sys.stderr)
    report(results, times)


main()
