"""compare.py - backprop and other programs doing the same work in turns, and how many times faster one is than the other.

Every figure is the median over several rounds; in a round each program does the work once, so that slow and fast minutes of
the machine meet them all. Each peer runs with one thread and with all, and its faster choice counts; backprop runs as it
does for a user who chooses nothing. OpenBLAS gets the kernels that suit the CPU, which it does not always find by itself.

Start it with run.sh, which builds what is needed.
"""
import argparse
import datetime
import gzip
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PAUSE = 0.05  # seconds before each measurement, in which the threads of the last one go to sleep
WORK = {
    "W1": ("784-50-10 relu, SGD, batch 100", "epoch", ["PyTorch", "scikit-learn", "FANN"]),
    "W2": ("784-512-512-10 relu, Adam, batch 128", "epoch", ["PyTorch", "scikit-learn"]),
    "W3": ("2048-2048-2048-2048 relu, SGD, batch 512", "step", ["PyTorch", "scikit-learn"]),
    "W4": ("16-32-32-1 relu, Adam, batch 32", "step", ["PyTorch", "scikit-learn"]),
    "W5": ("2-10-1 sigmoid, SGD, batch 10", "sample", ["PyTorch", "scikit-learn", "FANN"]),
    "W6": ("784-50-10, predict a row", "row", ["PyTorch", "scikit-learn", "FANN"]),
}
PRODUCTS = ["oneDNN", "OpenBLAS"]
ONE_THREAD = {"FANN"}
GOAL, EPOCHS = 0.98, 20  # of the time to accuracy


# ---- the machine ------------------------------------------------------------------------------------------------------


def cpu_flags():
    try:
        with open("/proc/cpuinfo") as f:
            return next((set(line.split()) for line in f if line.startswith("flags")), set())
    except OSError:
        return set()


def peer_environment(kernel):
    """The best kernels of the CPU; with a kernel set forced on backprop, the peers' of the same kind."""
    env, flags = dict(os.environ), cpu_flags()
    if kernel == "avx2":
        env.update(OPENBLAS_CORETYPE="Haswell", DNNL_MAX_CPU_ISA="AVX2", ONEDNN_MAX_CPU_ISA="AVX2", ATEN_CPU_CAPABILITY="avx2")
    elif "avx512f" in flags:
        env["OPENBLAS_CORETYPE"] = "SkylakeX"
    elif "avx2" in flags:
        env["OPENBLAS_CORETYPE"] = "Haswell"
    return env


# ---- data -------------------------------------------------------------------------------------------------------------


def find_mnist():
    """The folder with MNIST's four files, or None."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    places = [os.environ.get("BACKPROP_DATA"), os.path.join(cache, "backprop"), os.path.join(HERE, "../../../shared/data")]
    for place in filter(None, places):
        for ending in ("", ".gz"):
            if os.path.exists(os.path.join(place, "mnist", "train-images-idx3-ubyte" + ending)):
                return os.path.join(place, "mnist")
    return None


def idx_bytes(folder, name, header):
    path = os.path.join(folder, name)
    with open(path, "rb") if os.path.exists(path) else gzip.open(path + ".gz", "rb") as f:
        return f.read()[header:]


def write_data(to, mnist):
    """Raw bytes for the peers: MNIST, or random images of its shape, four fifths of whose bytes are zero."""
    for part, name, rows in (("train", "train", 60000), ("test", "t10k", 10000)):
        if mnist:
            x = idx_bytes(mnist, name + "-images-idx3-ubyte", 16)
            y = idx_bytes(mnist, name + "-labels-idx1-ubyte", 8)
        else:
            x = os.urandom(rows * 784).translate(bytes(5 * b if b < 51 else 0 for b in range(256)))
            y = bytes(b % 10 for b in os.urandom(rows))
        for what, content in (("images", x), ("labels", y)):
            with open(os.path.join(to, "%s-%s" % (part, what)), "wb") as f:
                f.write(content)


# ---- who does the work ------------------------------------------------------------------------------------------------


class Peer:
    """A program that answers jobs, a line each, and lives as long as the comparison."""

    def __init__(self, command, env):
        self.command, self.env = command, env
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env, text=True)

    def ask(self, *job):
        time.sleep(PAUSE)
        self.process.stdin.write(" ".join(str(word) for word in job) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("compare.py: %s ended at the job %r" % (self.command, job))
        return json.loads(line)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Ours:
    def __init__(self, command, kernel, mnist):
        self.command, self.kernel = command, ["--kernel", kernel] if kernel else []
        self.env = dict(os.environ)
        self.env.pop("BACKPROP_DATA", None)
        if mnist:
            self.env["BACKPROP_DATA"] = os.path.dirname(os.path.abspath(mnist))

    def run(self, *words):
        time.sleep(PAUSE)
        done = subprocess.run([self.command, *words, *self.kernel], env=self.env, stdout=subprocess.PIPE, text=True, check=True)
        return json.loads(done.stdout.splitlines()[-1])

    def work(self, name):
        """Seconds of a unit, with the number of threads that the library chose: the last line of a workload."""
        return self.run("bench", name, "--quick", "--json")["work"][-1]

    def accuracy(self, seed, folder):
        """Seconds of training and testing until GOAL is reached, tested after every epoch."""
        log, model = os.path.join(folder, "log"), os.path.join(folder, "model")
        options = "--optimizer adam --lr 0.001 --batch 128 --json --quiet".split()
        options += ["--net", "dense 256 relu", "--epochs", str(EPOCHS), "--seed", str(seed), "--log", log, "--out", model]
        self.run("train", "mnist", *options)
        with open(log) as f:
            epochs = [json.loads(line) for line in f]
        good = next((e for e in epochs if e["test_accuracy"] >= GOAL), None)
        if good is None:
            return {"error": "%.2f %% after %d epochs" % (100 * epochs[-1]["test_accuracy"], EPOCHS)}
        return {"seconds": good["seconds"], "epochs": good["epochs"], "accuracy": good["test_accuracy"]}


def start_peers(folder, data, env):
    env = dict(env, PEER_DATA=data)
    images, labels = os.path.join(data, "train-images"), os.path.join(data, "train-labels")
    commands = {
        "PyTorch": [sys.executable, os.path.join(HERE, "torch_peer.py")],
        "scikit-learn": [sys.executable, os.path.join(HERE, "sklearn_peer.py")],
        "FANN": [os.path.join(folder, "fann"), images, labels],
        "oneDNN": [os.path.join(folder, "onednn")],
        "OpenBLAS": [os.path.join(folder, "openblas")],
    }
    return {name: Peer(command, env) for name, command in commands.items()}


# ---- measuring --------------------------------------------------------------------------------------------------------


def say(text):
    print(text, file=sys.stderr, flush=True)


def thread_choices(peer, most):
    return [1] if peer in ONE_THREAD or most == 1 else [1, most]


def best_choice(times):
    """times: threads -> seconds of each round. The choice with the least median."""
    medians = {threads: statistics.median(values) for threads, values in times.items() if values}
    if not medians:
        return None
    threads = min(medians, key=medians.get)
    return {"seconds": medians[threads], "threads": threads, "rounds": times[threads]}


def contest(rounds, ours, peers, names, most, job):
    """Rounds in which each does the work once. ours() -> {"seconds", "threads"}; job(threads) -> words for a peer. A choice
    of threads that is far behind in the first round is not tried again."""
    own, times, errors = [], {name: {t: [] for t in thread_choices(name, most)} for name in names}, {}
    for turn in range(rounds):
        own.append(ours())
        for name in names:
            if turn == 1:
                least = min((v[0] for v in times[name].values() if v), default=0)
                times[name] = {t: v for t, v in times[name].items() if v and v[0] < 2 * least}
            for threads in times[name]:
                reply = peers[name].ask(*job(threads))
                if "seconds" in reply:
                    times[name][threads].append(reply["seconds"])
                else:
                    errors[name] = reply["error"]
    seconds = [o["seconds"] for o in own]
    result = {"backprop": {"seconds": statistics.median(seconds), "threads": own[-1]["threads"], "rounds": seconds}}
    for name in names:
        result[name] = best_choice(times[name]) or {"error": errors.get(name, "no answer")}
    return result


def measure_work(a, ours, peers, most):
    result = {}
    for name in a.work:
        say("%s: %s" % (name, WORK[name][0]))
        result[name] = contest(a.rounds, lambda: ours.work(name), peers, WORK[name][2], most, lambda threads: (name, threads))
    return result


def measure_products(a, ours, peers, most):
    """A row for each shape and number of threads."""
    rows, times = {}, {}
    for turn in range(max(1, (a.rounds + 1) // 2)):
        say("matrix products, round %d" % (turn + 1))
        report = ours.run("bench", "gemm", "--json")
        for line in report["gemm"]:
            key = (line["form"], line["m"], line["n"], line["k"], line["threads"])
            rows[key] = {k: line[k] for k in ("what", "form", "m", "n", "k", "threads")}
            times.setdefault(key, {"backprop": []})["backprop"].append(line["seconds"])
            for name in PRODUCTS:
                times[key].setdefault(name, []).append(peers[name].ask("gemm", *key)["seconds"])
    for key, row in rows.items():
        flops = 2 * row["m"] * row["n"] * row["k"]
        row["gflops"] = {name: flops / statistics.median(values) / 1e9 for name, values in times[key].items()}
    return list(rows.values())


def measure_memory(ours, start, most):
    """Bytes of a fresh process that trains W1."""
    result = {"backprop": ours.run("bench", "memory", "--quick", "--json")["peak_bytes"]}
    for name, peer in start().items():
        if name in WORK["W1"][2]:
            peer.ask("W1", most)
            reply = peer.ask("memory")
            if "bytes" in reply:
                result[name] = reply["bytes"]
        peer.close()
    return result


def measure_accuracy(a, ours, peers, most):
    result = {name: [] for name in ("backprop", "PyTorch", "scikit-learn")}
    for seed in range(1, a.repeat + 1):
        say("time to %g %%, seed %d" % (100 * GOAL, seed))
        with tempfile.TemporaryDirectory() as folder:
            result["backprop"].append(ours.accuracy(seed, folder))
        for name in ("PyTorch", "scikit-learn"):
            replies = [peers[name].ask("accuracy", t, seed, GOAL, EPOCHS) for t in thread_choices(name, most)]
            good = [r for r in replies if "seconds" in r]
            result[name].append(min(good, key=lambda r: r["seconds"]) if good else replies[0])
    return result


# ---- telling ----------------------------------------------------------------------------------------------------------


def time_text(seconds):
    for unit in ("s", "ms", "us"):
        if seconds >= 0.9995:
            break
        seconds, unit = seconds * 1000, "ns"
    digits = 2 if seconds < 9.995 else 1 if seconds < 99.95 else 0
    return "%.*f %s" % (digits, seconds, unit)


def table(title, head, rows, markdown):
    if markdown:
        lines = ["| " + " | ".join(r) + " |" for r in [head, ["---"] + ["--:"] * (len(head) - 1)] + rows]
        return "\n".join(["### " + title, ""] + lines + [""])
    widths = [max(len(r[i]) for r in [head] + rows) for i in range(len(head))]
    lines = ["  ".join([r[0].ljust(widths[0])] + [c.rjust(w) for c, w in zip(r[1:], widths[1:])]) for r in [head] + rows]
    return "\n".join([title, ""] + [line.rstrip() for line in lines] + [""])


def against(theirs, own):
    """ "42 ms, 4.1x": their time, and how many times as long as ours."""
    if theirs is None:
        return "-"
    return theirs["error"] if "error" in theirs else "%s, %.1fx" % (time_text(theirs["seconds"]), theirs["seconds"] / own)


def work_table(result, markdown):
    peers = ["PyTorch", "scikit-learn", "FANN"]
    rows = []
    for name, r in result["work"].items():
        own = r["backprop"]["seconds"]
        rows.append(["%s  %s" % (name, WORK[name][0]), WORK[name][1], time_text(own)] + [against(r.get(p), own) for p in peers])
    return table("The same work", ["work", "time of", "backprop"] + peers, rows, markdown)


def product_table(result, markdown):
    rows = []
    for r in result["products"]:
        g = r["gflops"]
        shape = "%s %dx%dx%d" % (r["form"], r["m"], r["n"], r["k"])
        texts = ["%.0f, %.2fx" % (g[p], g["backprop"] / g[p]) for p in PRODUCTS]
        rows.append([r["what"], shape, str(r["threads"]), "%.0f" % g["backprop"]] + texts)
    return table("Matrix products alone, GFLOP/s", ["product", "m x n x k", "threads", "backprop"] + PRODUCTS, rows, markdown)


def memory_table(result, markdown):
    rows = [[name, "%.0f MB" % (value / 1e6)] for name, value in result["memory"].items()]
    return table("Peak memory of a process that trains W1", ["program", "memory"], rows, markdown)


def accuracy_table(result, markdown):
    rows = []
    for name, runs in result["accuracy"].items():
        good = [r for r in runs if "seconds" in r]
        middle = time_text(statistics.median(r["seconds"] for r in good)) if good else "-"
        rows.append([name, middle, ", ".join(str(r["epochs"]) for r in good) or "-", "%d of %d" % (len(good), len(runs))])
    title = "Time to %g %% of MNIST's test images, 784-256-10 relu, Adam, batch 128" % (100 * GOAL)
    return table(title, ["program", "median time", "epochs", "reached"], rows, markdown)


def machine_line(result):
    m = result["machine"]
    versions = ", ".join("%s %s" % item for item in m["versions"].items())
    return "%s, %d threads, %s kernels, %s. %s. %s." % (m["cpu"], m["threads"], m["kernel"], m["images"], versions, m["date"])


def describe_machine(ours, peers):
    about = ours.run("bench", "W1", "--quick", "--json")
    versions = {"backprop": "%s (%s)" % (about["version"], about["compiler"])}
    for name, peer in peers.items():
        versions[name] = peer.ask("version")["version"]
    images = {"mnist": "MNIST", "generated": "Generated images instead of MNIST"}[about["images"]]
    return {
        "cpu": about["cpu"], "kernel": about["kernel"], "threads": about["threads"], "images": images,
        "system": platform.platform(), "date": datetime.date.today().isoformat(), "versions": versions, "limits": about["limits"],
    }  # fmt: skip


# ---- the whole --------------------------------------------------------------------------------------------------------


def arguments():
    p = argparse.ArgumentParser(description="Compare backprop with other programs, in one run on this machine.")
    p.add_argument("work", nargs="*", help="W1 ... W6, gemm, memory, accuracy; none: all")
    p.add_argument("--backprop", required=True, help="the command")
    p.add_argument("--peers", required=True, help="folder with the peers that run.sh built")
    p.add_argument("--rounds", type=int, default=5, help="rounds of which medians are taken (5)")
    p.add_argument("--repeat", type=int, default=3, help="seeds of the time to accuracy (3)")
    p.add_argument("--kernel", help="force a kernel set on backprop, avx2 on the peers too")
    p.add_argument("--json", metavar="FILE", help="write all figures to FILE")
    p.add_argument("--markdown", action="store_true", help="print the tables in Markdown")
    a = p.parse_args()
    known = list(WORK) + ["gemm", "memory", "accuracy"]
    unknown = [w for w in a.work if w not in known]
    if unknown or a.rounds < 1 or a.repeat < 1:
        p.error("unknown work %s (valid: %s)" % (unknown[0], ", ".join(known)) if unknown else "rounds and repeat start at 1")
    a.chosen = a.work or known
    a.work = [w for w in a.chosen if w in WORK]
    return a


def compare(a, data, mnist):
    most = len(os.sched_getaffinity(0))
    ours, env = Ours(a.backprop, a.kernel, mnist), peer_environment(a.kernel)
    start = lambda: start_peers(a.peers, data, env)
    result = {}
    if "memory" in a.chosen:
        say("memory of W1")
        result["memory"] = measure_memory(ours, start, most)
    peers = start()
    result["machine"] = describe_machine(ours, peers)
    if a.work:
        result["work"] = measure_work(a, ours, peers, most)
    if "gemm" in a.chosen:
        result["products"] = measure_products(a, ours, peers, most)
    if "accuracy" in a.chosen and mnist:
        result["accuracy"] = measure_accuracy(a, ours, peers, most)
    for peer in peers.values():
        peer.close()
    return result


def main():
    a, mnist = arguments(), find_mnist()
    with tempfile.TemporaryDirectory() as data:
        write_data(data, mnist)
        result = compare(a, data, mnist)
    tables = {"work": work_table, "products": product_table, "accuracy": accuracy_table, "memory": memory_table}
    print("\n".join([machine_line(result), ""] + [show(result, a.markdown) for key, show in tables.items() if key in result]))
    if a.json:
        with open(a.json, "w") as f:
            json.dump(result, f, indent=1)


main()
