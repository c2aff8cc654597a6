#!/usr/bin/python3
"""Makes the golden values in this folder: what PyTorch computes, in double precision, for the same networks.

    python3 make_golden.py           write trajectories.json and ops.json
    python3 make_golden.py --check   write nothing; compare with the committed files and with docs/math.md

Written with PyTorch 1.13, NumPy 1.24 and SciPy 1.10 (Debian 12: python3-torch, python3-numpy, python3-scipy). Everything that defines a case stands
in the JSON itself, in the words of backprop.h, so that tests/test_golden.c repeats it without knowing this script.
Gradients are PyTorch's autograd and updates are torch.optim; nothing here repeats a formula of the library, except
where PyTorch has no such thing (l1, decoupled decay outside AdamW, schedules by a formula, iRPROP+): those are written
out below. Minima are those that SciPy's L-BFGS-B and then Newton's method find.

Weights are stored as torch.nn.Linear has them, [out, in], row after row. Floats are written so that they read back
exactly.
"""
import json
import math
import os
import re
import sys

import numpy as np
import scipy.optimize
import torch
import torch.nn.functional as F

HERE = os.path.dirname(os.path.abspath(__file__))
DOC = os.path.join(HERE, "..", "..", "docs", "math.md")
ROWS, STEPS = 24, 20

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)

HIDDEN = {
    "linear": lambda z: z,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": torch.relu,
    "leaky_relu": lambda z: F.leaky_relu(z, 0.01),
    "elu": F.elu,
    "gelu": F.gelu,
    "gelu_tanh": lambda z: F.gelu(z, approximate="tanh"),
    "silu": F.silu,
    "softplus": lambda z: torch.logaddexp(z, torch.zeros_like(z)),  # F.softplus is cut off above 20
}
OUTPUT = dict(HIDDEN, softmax=lambda z: torch.softmax(z, 1))

# Loss of a batch from (z, a, t): z the last affine map, a the output, t the targets. Sums over outputs, means over rows.
LOSS = {
    "cross-entropy": lambda z, a, t: F.cross_entropy(z, t[:, 0].long()),
    "bce": lambda z, a, t: F.binary_cross_entropy_with_logits(z, t, reduction="sum") / len(t),
    "mse": lambda z, a, t: 0.5 * F.mse_loss(a, t, reduction="sum") / len(t),
    "mae": lambda z, a, t: F.l1_loss(a, t, reduction="sum") / len(t),
    "huber": lambda z, a, t: F.huber_loss(a, t, reduction="sum", delta=1.0) / len(t),
}


# ---- data and initial weights: few digits, so that the file stays small ----------------------------------------------


def make_data():
    r = np.random.RandomState(20240607)
    x = np.round(r.uniform(-1.5, 1.5, (ROWS, 5)), 3)
    return {
        "x": x,
        "label": np.array([[(7 * i) // 3 % 4] for i in range(ROWS)], dtype=float),
        "label2": (np.round(x[:, :1] + x[:, 1:2] * x[:, 2:3], 6) > 0).astype(float),
        "y": np.round(r.normal(0, 1.5, (ROWS, 4)), 3),  # errors on both sides of Huber's corner at 1
        "y01": np.round(r.uniform(0, 1, (ROWS, 4)), 3),
        "y1": np.round(r.normal(0, 1, (ROWS, 1)), 3),
    }


def make_weights(sizes):
    r = np.random.RandomState(100 + sum(s * 7**k for k, s in enumerate(sizes)))
    weights = []
    for n_in, n_out in zip(sizes, sizes[1:]):
        weights.append(np.round(r.uniform(-0.8, 0.8, (n_out, n_in)), 3))
        weights.append(np.round(r.uniform(-0.3, 0.3, n_out), 3))
    return weights


def batches(batch):
    """Row ranges of one epoch in fixed order; the last one is short where the rows do not divide."""
    return [slice(i, min(i + batch, ROWS)) for i in range(0, ROWS, batch)]


# ---- the reference network and its optimizers ------------------------------------------------------------------------


def forward(params, case, x):
    a = x
    layers = list(zip(params[0::2], params[1::2]))
    for i, (w, b) in enumerate(layers):
        z = F.linear(a, w, b)
        a = OUTPUT[case["output"] if i + 1 == len(layers) else case["hidden"][i][1]](z)
    return z, a


class IRpropPlus(torch.optim.Optimizer):
    """Igel & Huesken, Neurocomputing 50 (2003), algorithm 3. torch.optim.Rprop is the same without weight-backtracking."""

    def __init__(self, params, lr=0.1, eta_minus=0.5, eta_plus=1.2, step_min=1e-6, step_max=50.0):
        super().__init__(params, dict(lr=lr, weight_decay=0))
        self.eta, self.bounds = (eta_minus, eta_plus), (step_min, step_max)
        self.error, self.backtracked = math.inf, 0

    def step(self, closure):
        error = closure()
        for group in self.param_groups:
            for p in group["params"]:
                s = self.state[p]
                if not s:
                    s.update(delta=torch.full_like(p, group["lr"]), g=torch.zeros_like(p), dw=torch.zeros_like(p))
                g = p.grad + group["weight_decay"] * p
                same, turned = s["g"] * g > 0, s["g"] * g < 0
                s["delta"][same] = (s["delta"][same] * self.eta[1]).clamp(max=self.bounds[1])
                s["delta"][turned] = (s["delta"][turned] * self.eta[0]).clamp(min=self.bounds[0])
                if error > self.error:
                    p[turned] -= s["dw"][turned]
                    self.backtracked += int(turned.sum())
                s["dw"][~turned] = (-torch.sign(g) * s["delta"])[~turned]
                p[~turned] += s["dw"][~turned]
                g[turned] = 0
                s["g"] = g
        self.error = error


def make_optimizer(params, o):
    """torch.optim for a case; what the case does not name is PyTorch's default. l2 goes to weights only."""
    decay = {"adamw": {"weight_decay": o["weight_decay"]} if "weight_decay" in o else {}}.get(
        o["kind"], {"weight_decay": o.get("l2", 0)}
    )
    groups = [dict(params=params[0::2], **decay), dict(params=params[1::2], weight_decay=0)]
    names = {
        "sgd": ("lr",),
        "momentum": ("lr", "dampening"),
        "nesterov": ("lr",),
        "adagrad": ("lr", "lr_decay", "eps"),
        "rmsprop": ("lr", "eps", "momentum"),
        "adam": ("lr", "eps"),
        "adamw": ("lr", "eps"),
        "rprop": ("lr", "eta_plus", "eta_minus", "step_min", "step_max"),
    }[o["kind"]]
    args = {k: o[k] for k in names if k in o}
    if o["kind"] in ("momentum", "nesterov"):
        args.update(momentum=o.get("momentum", 0.9), nesterov=o["kind"] == "nesterov")
    if o["kind"] == "adagrad" and "initial" in o:
        args["initial_accumulator_value"] = o["initial"]
    if o["kind"] == "rmsprop" and "beta2" in o:
        args["alpha"] = o["beta2"]
    if o["kind"] in ("adam", "adamw"):
        args["betas"] = (o.get("beta1", 0.9), o.get("beta2", 0.999))
    cls = {
        "sgd": torch.optim.SGD,
        "momentum": torch.optim.SGD,
        "nesterov": torch.optim.SGD,
        "adagrad": torch.optim.Adagrad,
        "rmsprop": torch.optim.RMSprop,
        "adam": torch.optim.Adam,
        "adamw": torch.optim.AdamW,
        "rprop": IRpropPlus,
    }[o["kind"]]
    return cls(groups, **args)


def penalties(params, o):
    return sum(o.get("l1", 0) * w.abs().sum() + 0.5 * o.get("l2", 0) * (w * w).sum() for w in params[0::2])


def update(optimizer, params, o, loss):
    """One update from the gradients in params: clip, add what PyTorch has no option for, step."""
    if "clip_norm" in o:
        torch.nn.utils.clip_grad_norm_(params, o["clip_norm"])
    if "clip_value" in o:
        torch.nn.utils.clip_grad_value_(params, o["clip_value"])
    decay = o.get("weight_decay", 0) if o["kind"] != "adamw" else 0
    with torch.no_grad():
        before = [w.clone() for w in params[0::2]]
        for w in params[0::2]:
            w.grad += o.get("l1", 0) * torch.sign(w)
        objective = loss.item() + float(penalties(params, o))
        optimizer.step(lambda: objective)
        for w, old in zip(params[0::2], before):  # decoupled, as AdamW does it: (1 - lr decay) w, the rest unchanged
            w -= optimizer.param_groups[0]["lr"] * decay * old


def make_scheduler(optimizer, text, per_epoch, total):
    """A torch scheduler that is stepped after every step, for the words of bp_schedule_parse."""
    sched = torch.optim.lr_scheduler
    warm = re.fullmatch(r"warmup:(\d+) \+ (.*)", text)
    if warm:
        n = int(warm.group(1))
        rest = make_scheduler(optimizer, warm.group(2), per_epoch, total - n)
        ramp = sched.LinearLR(optimizer, start_factor=1 / n, end_factor=1.0, total_iters=n - 1)
        return sched.SequentialLR(optimizer, [ramp, rest], milestones=[n])
    kind, _, rest = text.partition(":")
    v = [float(s) for s in rest.split(",")] if rest else []
    if kind == "constant":
        return sched.LambdaLR(optimizer, lambda t: 1.0)
    if kind == "step":
        return sched.StepLR(optimizer, int(v[0]) * per_epoch, v[1] if len(v) > 1 else 0.1)
    if kind == "exponential":
        return sched.StepLR(optimizer, per_epoch, v[0])  # ExponentialLR stepped once an epoch
    if kind == "cosine":
        lr = optimizer.param_groups[0]["lr"]
        return sched.CosineAnnealingLR(optimizer, total, eta_min=lr * (v[0] if v else 0.0))
    if kind == "inverse":  # no such scheduler in PyTorch: by its formula
        power = v[1] if len(v) > 1 else 1.0
        return sched.LambdaLR(optimizer, lambda t: (1 + v[0] * (t // per_epoch)) ** -power)
    raise ValueError(text)


def parameters_of(case):
    return [torch.tensor(w, requires_grad=True) for w in make_weights(sizes_of(case))]


def sizes_of(case):
    return [5] + [n for n, _ in case["hidden"]] + [case["units"]]


def run_steps(case, data):
    """STEPS steps in fixed order: the loss of every step, the final weights, and dL/dx of the first step."""
    params = parameters_of(case)
    optimizer = make_optimizer(params, case["optimizer"])
    losses, dx = [], None
    for step in range(STEPS):
        order = batches(case["batch"])
        rows = order[step % len(order)]
        x = torch.tensor(data["x"][rows], requires_grad=True)
        z, a = forward(params, case, x)
        loss = LOSS[case["loss"]](z, a, torch.tensor(data[case["target"]][rows]))
        optimizer.zero_grad()
        loss.backward()
        dx = x.grad.clone() if step == 0 else dx
        update(optimizer, params, case["optimizer"], loss)
        losses.append(loss.item())
    case["losses"] = losses
    case["final"] = [p.detach().numpy() for p in params]
    if case["optimizer"]["kind"] == "sgd":
        case["dx"] = dx.numpy()


def run_epochs(case, data):
    """Whole epochs with a schedule: mean loss and last learning rate of every epoch, and the final weights."""
    params = parameters_of(case)
    optimizer = make_optimizer(params, case["optimizer"])
    order = batches(case["batch"])
    plateau = re.fullmatch(r"plateau:(\d+),([\d.]+)", case["schedule"])
    if plateau:
        scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(
            optimizer, patience=int(plateau.group(1)), factor=float(plateau.group(2))
        )
    else:
        scheduler = make_scheduler(optimizer, case["schedule"], len(order), len(order) * case["epochs"])
    case["losses"], case["lr"] = [], []
    for _ in range(case["epochs"]):
        total = 0.0
        for rows in order:
            z, a = forward(params, case, torch.tensor(data["x"][rows]))
            loss = LOSS[case["loss"]](z, a, torch.tensor(data[case["target"]][rows]))
            optimizer.zero_grad()
            loss.backward()
            lr = optimizer.param_groups[0]["lr"]
            update(optimizer, params, case["optimizer"], loss)
            total += loss.item() * (rows.stop - rows.start)
            if not plateau:
                scheduler.step()
        case["losses"].append(total / ROWS)
        case["lr"].append(lr)
        if plateau:
            scheduler.step(total / ROWS)
    case["final"] = [p.detach().numpy() for p in params]


def like_rprop_without_backtracking(case, data):
    """Where no step is taken back, iRPROP+ is torch.optim.Rprop; where one is, it is not."""
    o = case["optimizer"]
    ways = []
    for kind in (IRpropPlus, torch.optim.Rprop):
        params = parameters_of(case)
        optimizer = kind(params, lr=o["lr"])
        for _ in range(STEPS):
            z, a = forward(params, case, torch.tensor(data["x"]))
            loss = LOSS[case["loss"]](z, a, torch.tensor(data[case["target"]]))
            optimizer.zero_grad()
            loss.backward()
            with torch.no_grad():
                optimizer.step(lambda: loss.item())
        ways.append((torch.cat([p.detach().flatten() for p in params]), optimizer))
    same = torch.allclose(ways[0][0], ways[1][0], rtol=1e-12, atol=1e-12)
    if same != (ways[0][1].backtracked == 0):
        raise SystemExit(f"{case['name']}: IRpropPlus and torch.optim.Rprop {'agree' if same else 'differ'}")


def run_minimum(case, data):
    """The minimum over all rows: SciPy's L-BFGS-B from the case's weights, sharpened by Newton steps."""
    params = parameters_of(case)
    sizes = [p.numel() for p in params]

    def objective(v):
        parts = [q.reshape(p.shape) for q, p in zip(torch.split(v, sizes), params)]
        z, a = forward(parts, case, torch.tensor(data["x"]))
        loss = LOSS[case["loss"]](z, a, torch.tensor(data[case["target"]]))
        return loss + penalties(parts, case["optimizer"]), loss, parts

    def value_and_gradient(x):
        v = torch.tensor(x, requires_grad=True)
        f = objective(v)[0]
        f.backward()
        return f.item(), v.grad.numpy()

    start = torch.cat([p.detach().flatten() for p in params]).numpy()
    limits = {"maxiter": 5000, "ftol": 1e-15, "gtol": 1e-9}
    x = scipy.optimize.minimize(value_and_gradient, start, jac=True, method="L-BFGS-B", options=limits).x
    for _ in range(3):
        v = torch.tensor(x)
        hessian = torch.autograd.functional.hessian(lambda u: objective(u)[0], v).numpy()
        x = x - np.linalg.pinv(hessian, rcond=1e-10) @ value_and_gradient(x)[1]
    if np.linalg.eigvalsh(hessian)[0] < -1e-9 or abs(value_and_gradient(x)[1]).max() > 1e-12:
        raise SystemExit(f"{case['name']}: no minimum")
    _, loss, parts = objective(torch.tensor(x))
    case["loss_there"] = loss.item()
    case["final"] = [p.numpy() for p in parts]


# ---- the cases -------------------------------------------------------------------------------------------------------


def case(name, hidden, loss, output, target, optimizer, units=4, batch=8):
    classify = target.startswith("label")
    return {
        "name": name,
        "task": "classify" if classify else "regress",
        "outputs": 2 if target == "label2" else units,
        "units": units,
        "hidden": hidden,
        "output": output,
        "loss": loss,
        "target": target,
        "batch": batch,
        "optimizer": optimizer,
    }


def optimizer_cases():
    variants = {
        "sgd": [
            {"lr": 0.5},
            {"lr": 0.5, "l2": 0.01},
            {"lr": 0.5, "l1": 0.005},
            {"lr": 0.2, "l1": 0.005, "l2": 0.02},
            {"lr": 0.5, "weight_decay": 0.1},
            {"lr": 0.5, "clip_norm": 0.1},
            {"lr": 0.5, "clip_norm": 0.6},  # bites in some steps only
            {"lr": 0.5, "clip_value": 0.05},
            {"lr": 0.5, "clip_norm": 0.5, "clip_value": 0.1, "l2": 0.01, "l1": 0.002, "weight_decay": 0.05},
        ],
        "momentum": [
            {"lr": 0.1},
            {"lr": 0.1, "momentum": 0.5},
            {"lr": 0.1, "dampening": 0.4},
            {"lr": 0.1, "dampening": 0.4, "l2": 0.02},
            {"lr": 0.1, "weight_decay": 0.1, "clip_norm": 0.3},
        ],
        "nesterov": [{"lr": 0.1}, {"lr": 0.1, "l2": 0.02}, {"lr": 0.05, "momentum": 0.8}],
        "adagrad": [
            {},
            {"lr": 0.1, "lr_decay": 0.1},
            {"lr": 0.1, "initial": 0.1},
            {"lr": 0.1, "l2": 0.02, "eps": 1e-6},
        ],
        "rmsprop": [
            {},
            {"momentum": 0.9},
            {"lr": 0.02, "beta2": 0.9, "eps": 1e-4},
            {"l2": 0.02},
            {"momentum": 0.5, "weight_decay": 0.1},
        ],
        "adam": [
            {},
            {"lr": 0.05},
            {"lr": 0.05, "beta1": 0.8, "beta2": 0.95, "eps": 1e-5},
            {"lr": 0.05, "l2": 0.02},
            {"lr": 0.02, "l1": 0.01},
            {"lr": 0.05, "clip_norm": 0.1},
            {"lr": 0.05, "clip_value": 0.05},
        ],
        "adamw": [{}, {"lr": 0.05, "weight_decay": 0.1}, {"lr": 0.05, "clip_norm": 0.2, "l1": 0.01}],
    }
    for kind, options in variants.items():
        for o in options:
            name = " ".join([kind] + [f"{k}={v}" for k, v in o.items()])
            yield case(name, [(7, "tanh")], "cross-entropy", "softmax", "label", dict(kind=kind, **o))


def rprop_cases():
    def one(name, hidden, loss, output, target, **o):
        return case("rprop " + name, hidden, loss, output, target, dict(kind="rprop", **o), batch=ROWS)

    tanh = [(7, "tanh")]
    yield one("lr=0.1", tanh, "cross-entropy", "softmax", "label", lr=0.1)
    yield one("lr=0.001", tanh, "cross-entropy", "softmax", "label", lr=0.001)
    yield one("lr=0.4", tanh, "mse", "linear", "y", lr=0.4)
    yield one("penalties", tanh, "cross-entropy", "softmax", "label", lr=0.6, l2=0.05, l1=0.01)
    yield one(
        "bounds", tanh, "mse", "linear", "y", lr=0.1, eta_plus=1.5, eta_minus=0.3, step_min=0.05, step_max=0.2
    )


def minimum_cases():
    """Convex ones, with one minimum, and a network that is drawn to one."""

    def one(name, hidden, loss, output, target, l2, units=4):
        o = {"kind": "lbfgs", "l2": l2, "tolerance_gradient": 1e-10, "tolerance_decrease": 0}
        return case("lbfgs " + name, hidden, loss, output, target, o, units=units, batch=ROWS)

    yield one("linear regression", [], "mse", "linear", "y", 0.01)
    yield one("logistic regression", [], "bce", "sigmoid", "label2", 0.001, units=1)
    yield one("four logistic regressions", [], "bce", "sigmoid", "y01", 0.1)
    yield one("huber", [], "huber", "linear", "y", 0.01)
    yield one("network", [(2, "tanh")], "mse", "linear", "y1", 0.02, units=1)
    yield one("network for classes", [(3, "tanh")], "bce", "sigmoid", "label2", 0.02, units=1)


def network_cases():
    sgd = {"kind": "sgd", "lr": 0.1}
    for f in HIDDEN:
        yield case(f"hidden {f}", [(6, f), (5, f)], "mse", "linear", "y", sgd)
    for output in ("linear", "sigmoid", "tanh", "softmax"):
        yield case(f"output {output}, mse", [(7, "tanh")], "mse", output, "y01", sgd)
    for loss in ("mae", "huber"):
        yield case(f"output linear, {loss}", [(7, "silu")], loss, "linear", "y", sgd)
        yield case(f"output tanh, {loss}", [(7, "relu")], loss, "tanh", "y", sgd)
    yield case("bce, four outputs", [(7, "relu")], "bce", "sigmoid", "y01", sgd)
    yield case("bce, two classes", [(7, "sigmoid")], "bce", "sigmoid", "label2", sgd, units=1)
    yield case("cross-entropy, two classes", [(7, "elu")], "cross-entropy", "softmax", "label2", sgd, units=2)
    yield case("no hidden layer, classes", [], "cross-entropy", "softmax", "label", sgd)
    yield case("no hidden layer, one number", [], "mse", "linear", "y1", sgd, units=1)
    yield case("one unit wide", [(1, "softplus")], "mse", "linear", "y1", sgd, units=1)
    yield case("short last batch", [(7, "tanh")], "cross-entropy", "softmax", "label", sgd, batch=9)
    yield case("batch of one", [(7, "tanh")], "cross-entropy", "softmax", "label", sgd, batch=1)
    deep = [(6, "relu"), (9, "gelu"), (3, "leaky_relu")]
    yield case("four layers, adam", deep, "huber", "linear", "y", {"kind": "adam", "lr": 0.02}, batch=5)


def schedule_cases():
    def one(schedule, lr, epochs, momentum=0.0):
        o = {"kind": "momentum", "lr": lr, "momentum": momentum} if momentum else {"kind": "sgd", "lr": lr}
        c = case(schedule, [(7, "tanh")], "cross-entropy", "softmax", "label", o)
        return dict(c, schedule=schedule, epochs=epochs)

    yield one("constant", 0.2, 4)
    yield one("step:2,0.5", 0.5, 7)
    yield one("exponential:0.8", 0.5, 7)
    yield one("cosine", 0.5, 7)
    yield one("cosine:0.1", 0.5, 7)
    yield one("inverse:0.5", 0.5, 7)
    yield one("warmup:4 + cosine", 0.5, 7)
    yield one("plateau:1,0.5", 4.0, 9, momentum=0.5)  # steep: two reductions happen


def factor_tables():
    """The factor of every step, for bp_schedule_factor."""
    texts = ["constant", "step:2", "step:3,0.5", "exponential:0.9", "cosine", "cosine:0.05", "inverse:0.5"]
    texts += ["inverse:0.1,2", "warmup:5 + constant", "warmup:5 + cosine:0.2", "warmup:1 + constant"]
    for text in texts:
        for per_epoch, epochs in ((4, 7), (1, 9)):
            w = torch.zeros(1, requires_grad=True)
            optimizer = torch.optim.SGD([w], lr=1.0)
            scheduler = make_scheduler(optimizer, text, per_epoch, per_epoch * epochs)
            factors = []
            for _ in range(per_epoch * epochs):
                factors.append(optimizer.param_groups[0]["lr"])
                optimizer.step()
                scheduler.step()
            yield {"schedule": text, "per_epoch": per_epoch, "factors": factors}


def optimizer_defaults():
    """What torch.optim fills in when nothing is said, in the words of bp_optimizer_options."""
    w = [torch.zeros(1, requires_grad=True)]
    a, r = torch.optim.Adagrad(w).defaults, torch.optim.RMSprop(w).defaults
    adam, adamw = torch.optim.Adam(w).defaults, torch.optim.AdamW(w).defaults

    def adam_words(d):
        return {"lr": d["lr"], "beta1": d["betas"][0], "beta2": d["betas"][1], "eps": d["eps"]}

    return {
        "adagrad": {
            "lr": a["lr"],
            "lr_decay": a["lr_decay"],
            "eps": a["eps"],
            "initial": a["initial_accumulator_value"],
            "l2": a["weight_decay"],
        },
        "rmsprop": {
            "lr": r["lr"],
            "beta2": r["alpha"],
            "eps": r["eps"],
            "momentum": r["momentum"],
            "l2": r["weight_decay"],
        },
        "adam": dict(adam_words(adam), l2=adam["weight_decay"]),
        "adamw": dict(adam_words(adamw), weight_decay=adamw["weight_decay"]),
    }


def make_trajectories():
    data = make_data()
    rprop = list(rprop_cases())
    for c in rprop[:3]:  # those with PyTorch's etas and no penalties
        like_rprop_without_backtracking(c, data)
    cases = list(optimizer_cases()) + list(network_cases()) + rprop
    for c in cases:
        run_steps(c, data)
    runs = list(schedule_cases())
    for c in runs:
        run_epochs(c, data)
    minima = list(minimum_cases())
    for c in minima:
        run_minimum(c, data)
    weights = {"-".join(map(str, sizes_of(c))): make_weights(sizes_of(c)) for c in cases + runs + minima}
    return {
        "made_with": "PyTorch " + torch.__version__,
        "rows": ROWS,
        "data": data,
        "weights": weights,
        "defaults": optimizer_defaults(),
        "cases": cases,
        "runs": runs,
        "minima": minima,
        "factors": list(factor_tables()),
    }


# ---- single ops ------------------------------------------------------------------------------------------------------


def op_points(name):
    if name in ("log", "sqrt"):
        return [1e-3, 0.1, 0.5, 1.0, 1.5, 2.0, 7.25, 1e3, 1e6]
    if name == "exp":
        return [-30.0, -5.5, -1.0, -1e-3, 0.0, 1e-3, 0.5, 1.0, 4.75, 30.0]
    # 0 is on the kink of the relu family: the derivative from the left is PyTorch's and ours
    return [-800.0, -40.0, -19.5, -6.0, -2.5, -1.0, -0.3, -1e-4, 0.0, 1e-4, 0.3, 1.0, 2.5, 6.0, 19.5, 40.0, 800.0]


def make_maps():
    """y = f(x) and dy/dx, point by point."""
    functions = dict(HIDDEN)
    functions.update(neg=torch.neg, exp=torch.exp, log=torch.log, sqrt=torch.sqrt, square=torch.square)
    functions["leaky_relu 0.2"] = lambda x: F.leaky_relu(x, 0.2)
    functions["elu 0.7"] = lambda x: F.elu(x, 0.7)
    for name, f in functions.items():
        x = torch.tensor(op_points(name), requires_grad=True)
        y = f(x)
        y.sum().backward()
        yield {"op": name, "x": x.detach().numpy(), "y": y.detach().numpy(), "dx": x.grad.numpy()}


def record(op, arrays, f, rows, **more):
    """y = f(arrays), and the gradients of L = mean over rows of sum_j c_j y_j; `rows` arrays have one row a sample."""
    tensors = {k: torch.tensor(v, requires_grad=True) for k, v in arrays.items()}
    y = f(**tensors)
    c = torch.tensor(np.round(np.linspace(0.7, -1.1, y.shape[1]), 3))
    ((y * c).sum(1)).mean().backward()
    out = {"op": op, "rows": rows, "in": arrays, "c": c.numpy(), "y": y.detach().numpy(), **more}
    out["gradient"] = {k: t.grad.numpy() for k, t in tensors.items() if t.grad is not None}
    return out


def make_vector_ops():
    r = np.random.RandomState(7)

    def draw(*shape):
        return np.round(r.uniform(-2, 2, shape), 3)

    a, b = draw(3, 5), np.round(r.uniform(0.5, 2, (3, 5)), 3)
    zips = {"add": torch.add, "sub": torch.sub, "mul": torch.mul, "div": torch.div}
    for name, f in zips.items():
        yield record(name, {"a": a, "b": b}, f_of_two(f), 3)
        yield record(name, {"a": a, "b": b[:, :1]}, f_of_two(f), 3)
        yield record(name, {"a": draw(3, 1), "b": b}, f_of_two(f), 3)
    x, w, bias = draw(3, 5), draw(5, 4), draw(1, 4)
    yield record("sum", {"a": x}, lambda a: a.sum(1, keepdim=True), 3)
    yield record("mean", {"a": x}, lambda a: a.mean(1, keepdim=True), 3)
    yield record("matmul", {"a": x, "w": w}, lambda a, w: a @ w, 3)
    yield record("affine", {"a": x, "w": w, "b": bias}, lambda a, w, b: a @ w + b, 3)
    for name, f in HIDDEN.items():
        yield record("dense", {"a": x, "w": w, "b": bias}, lambda a, w, b: f(a @ w + b), 3, activation=name)
    yield record("softmax", {"a": x}, lambda a: torch.softmax(a, 1), 3)
    yield record("softmax", {"a": 300 * x}, lambda a: torch.softmax(a, 1), 3)
    yield from make_losses(x, draw(3, 5), r)


def f_of_two(f):
    return lambda a, b: f(a, b)


def make_losses(x, t, r):
    p = r.dirichlet(np.ones(5), 3).round(3)
    label = np.array([[2.0], [0.0], [4.0]])
    d = {"a": x, "t": t}
    yield record("squared_error", d, lambda a, t: 0.5 * ((a - t) ** 2).sum(1, keepdim=True), 3)
    yield record("absolute_error", d, lambda a, t: (a - t).abs().sum(1, keepdim=True), 3)
    for delta in (1.0, 0.4):
        f = lambda a, t, k=delta: F.huber_loss(a, t, reduction="none", delta=k).sum(1, keepdim=True)
        yield record("huber", d, f, 3, delta=delta)
    for scale in (1.0, 300.0):  # the second overflows unless the largest logit is taken out first
        yield record(
            "softmax_cross_entropy", {"a": scale * x, "t": p}, lambda a, t: F.cross_entropy(a, t, reduction="none")[:, None], 3
        )
        labels = record(
            "softmax_cross_entropy",
            {"a": scale * x},
            lambda a: F.cross_entropy(a, torch.tensor(label[:, 0]).long(), reduction="none")[:, None],
            3,
        )
        labels["in"]["t"] = label
        yield labels
        bce = lambda a, t: F.binary_cross_entropy_with_logits(a, t, reduction="none").sum(1, keepdim=True)
        yield record("sigmoid_bce", {"a": scale * x, "t": r.uniform(0, 1, (3, 5)).round(3)}, bce, 3)


# ---- the worked example of docs/math.md ------------------------------------------------------------------------------


def doc_numbers():
    """name -> numbers, from the lines "name = numbers" of the block that starts with "# worked example"."""
    text = open(DOC, encoding="utf-8").read()
    block = re.search(r"```text\n# worked example\n(.*?)```", text, re.S).group(1)
    lines = [re.match(r"(\w+) += ([-\d. ]+)", line) for line in block.splitlines()]
    return {m.group(1): [float(v) for v in m.group(2).split()] for m in lines if m}


def check_worked_example():
    """Recomputes the example with autograd; the numbers printed in the text are rounded to eight places."""
    n = {k: torch.tensor(v) for k, v in doc_numbers().items()}
    x, t, lr = n["x"][None], n["t"][None], n["lr"]
    w1 = n["w1"].reshape(2, 2).requires_grad_()  # rows: inputs, columns: units
    b1, w2, b2 = n["b1"].requires_grad_(), n["w2"].reshape(2, 1).requires_grad_(), n["b2"].requires_grad_()
    x.requires_grad_()
    z1 = x @ w1 + b1
    a1 = torch.sigmoid(z1)
    z2 = a1 @ w2 + b2
    a2 = torch.sigmoid(z2)
    loss = 0.5 * ((a2 - t) ** 2).sum()
    for v in (z1, a1, z2, a2):
        v.retain_grad()
    loss.backward()
    found = dict(z1=z1, a1=a1, z2=z2, a2=a2, loss=loss, da2=a2.grad, delta2=z2.grad, db2=b2.grad, dw2=w2.grad)
    found.update(da1=a1.grad, delta1=z1.grad, db1=b1.grad, dw1=w1.grad, dx=x.grad)
    with torch.no_grad():
        for name, p in (("w1", w1), ("b1", b1), ("w2", w2), ("b2", b2)):
            found[name + "_new"] = p - lr * p.grad
        y = torch.sigmoid(torch.sigmoid(x @ found["w1_new"] + found["b1_new"]) @ found["w2_new"] + found["b2_new"])
        found["loss_new"] = 0.5 * ((y - t) ** 2).sum()
    wrong = 0
    for name, v in found.items():
        worst = (v.detach().reshape(-1) - n[name]).abs().max().item() if name in n else math.nan
        if not worst <= 5.1e-9:
            print(f"docs/math.md, worked example, {name}: should be", *(f"{e:.8f}" for e in v.reshape(-1).tolist()))
            wrong += 1
    return wrong == 0


# ---- output ----------------------------------------------------------------------------------------------------------


def plain(v):
    if isinstance(v, np.ndarray):
        return v.tolist()
    if isinstance(v, dict):
        return {k: plain(e) for k, e in v.items()}
    return [plain(e) for e in v] if isinstance(v, (list, tuple)) else v


def write(path, value):
    """One case a line."""
    parts = []
    for key, v in value.items():
        if isinstance(v, list):
            body = "[\n" + ",\n".join(json.dumps(e) for e in v) + "\n]"
        else:
            body = json.dumps(v)
        parts.append(json.dumps(key) + ": " + body)
    with open(path, "w", encoding="utf-8") as f:
        f.write("{\n" + ",\n".join(parts) + "\n}\n")


def differs(a, b):
    """Whether two JSON values differ, numbers by more than rounding, which CPUs do in different orders and training amplifies."""
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() != b.keys() or any(differs(a[k], b[k]) for k in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) != len(b) or any(differs(p, q) for p, q in zip(a, b))
    if isinstance(a, (int, float)) and isinstance(b, (int, float)):
        return not abs(a - b) <= 1e-10 * max(abs(a), abs(b), 1e-3)
    return a != b


def main():
    made = {"trajectories.json": plain(make_trajectories())}
    made["ops.json"] = plain({"maps": list(make_maps()), "ops": list(make_vector_ops())})
    if sys.argv[1:] == ["--check"]:
        good = check_worked_example()
        for name, value in made.items():
            with open(os.path.join(HERE, name), encoding="utf-8") as f:
                committed = json.load(f)
            committed.pop("made_with", None)
            value.pop("made_with", None)
            if differs(committed, value):
                print(name + " differs from what this script makes")
                good = False
        print("golden values: " + ("as committed" if good else "NOT as committed"))
        sys.exit(0 if good else 1)
    for name, value in made.items():
        write(os.path.join(HERE, name), value)


main()
