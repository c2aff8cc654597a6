"""Networks of scikit-learn for test_partners.c, which compares answers in both directions.

    sklearn_models.py write FOLDER    some MLPRegressor and MLPClassifier, trained for a moment: N.safetensors with their
                                      coefs_ and intercepts_, N.net (hidden layers), N.task, N.x, N.y (f64)
    sklearn_models.py answer FOLDER   what scikit-learn answers with the weights of the models N.safetensors to N.x: N.y

Ends with code 77 where there is no scikit-learn."""

import os
import sys
import warnings

import exchange

try:
    import numpy as np
    from sklearn.neural_network import MLPClassifier, MLPRegressor
except ImportError:
    sys.exit(77)

warnings.filterwarnings("ignore")  # that so few epochs are too few
NAMES = {"relu": "relu", "tanh": "tanh", "logistic": "sigmoid", "identity": "linear"}
MODELS = [  # activation, hidden layers, classes (0: numbers), target numbers, type
    ("relu", (7, 6), 0, 2, "F64"),
    ("tanh", (5,), 0, 1, "F32"),
    ("logistic", (6,), 3, 1, "F64"),
    ("identity", (4, 4), 2, 1, "F64"),
    ("relu", (16,), 4, 1, "F32"),
]
TYPES = {"F32": np.float32, "F64": np.float64}
ROWS, INPUTS = 40, 4


def trained(number):
    activation, hidden, classes, targets, kind = MODELS[number]
    r = np.random.default_rng(number)
    x = r.normal(size=(ROWS, INPUTS)).astype(TYPES[kind])
    make = MLPClassifier if classes else MLPRegressor
    y = np.arange(ROWS) % classes if classes else r.normal(size=(ROWS, targets)).squeeze().astype(TYPES[kind])
    return make(hidden, activation=activation, max_iter=5, random_state=number).fit(x, y), x


def answers(m, x):
    return m.predict_proba(x) if isinstance(m, MLPClassifier) else m.predict(x)


def write(path, number):
    activation, hidden, classes, _, kind = MODELS[number]
    m, x = trained(number)
    tensors = {}
    for i, (w, b) in enumerate(zip(m.coefs_, m.intercepts_)):
        assert w.dtype == TYPES[kind]
        tensors[f"{i}.weight"] = (kind, w.T.shape, w.T.flatten().tolist())
        tensors[f"{i}.bias"] = (kind, b.shape, b.tolist())
    exchange.save(path + ".safetensors", tensors)
    exchange.write_text(path + ".net", ", ".join(f"dense {n} {NAMES[activation]}" for n in hidden))
    exchange.write_text(path + ".task", "classify" if classes else "regress")
    exchange.write_numbers(path + ".x", x.flatten().tolist())
    exchange.write_numbers(path + ".y", answers(m, x).flatten().tolist())


def answer(path, number):
    _, tensors = exchange.load(path + ".safetensors")
    m, _ = trained(number)
    # scikit-learn knows nothing of layers without weights: ours are counted with them
    layers = sorted({int(name.split(".")[0]) for name in tensors})
    for i, layer in enumerate(layers):
        kind, shape, numbers = tensors[f"{layer}.weight"]
        m.coefs_[i] = np.array(numbers, TYPES[kind]).reshape(shape).T
        m.intercepts_[i] = np.array(tensors[f"{layer}.bias"][2], TYPES[kind])
    x = np.array(exchange.read_numbers(path + ".x"), m.coefs_[0].dtype).reshape(-1, INPUTS)
    exchange.write_numbers(path + ".y", answers(m, x).flatten().tolist())


for i in range(len(MODELS)):
    {"write": write, "answer": answer}[sys.argv[1]](os.path.join(sys.argv[2], str(i)), i)
