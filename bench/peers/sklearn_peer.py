"""sklearn_peer.py - scikit-learn's MLPClassifier and MLPRegressor, an epoch at a time. Jobs: W1 to W6, accuracy; see worker.py."""
import time
import warnings

import numpy
import sklearn
from sklearn.neural_network import MLPClassifier, MLPRegressor
from threadpoolctl import threadpool_limits

import worker

warnings.filterwarnings("ignore")
CLASSES = numpy.arange(10)


class Work:
    """A workload, made when it is first asked for. `factor` turns seconds of an epoch into seconds of the unit."""

    def __init__(self, model, data, factor):
        self.make, self.data, self.factor, self.model = model, data, factor, None

    def fit(self):
        start = time.perf_counter()
        if isinstance(self.model, MLPClassifier):
            self.model.partial_fit(self.x, self.y, classes=CLASSES)
        else:
            self.model.partial_fit(self.x, self.y)
        return time.perf_counter() - start

    def __call__(self):
        if self.model is None:
            self.model = self.make()
            self.x, self.y = self.data()
            self.y = self.y.ravel() if self.y.ndim == 2 and self.y.shape[1] == 1 else self.y
            self.fit()
        return self.fit() * self.factor


def digits():
    return worker.images("train")


def classifier(hidden, batch, **how):
    return MLPClassifier(hidden, batch_size=batch, alpha=0, **how)


SGD = {"solver": "sgd", "momentum": 0}
W1 = Work(lambda: classifier((50,), 100, learning_rate_init=0.1, **SGD), digits, 1)


def predict():
    if W1.model is None:
        W1()
    rows = 500
    start = time.perf_counter()
    for i in range(rows):
        W1.model.predict_proba(W1.x[i : i + 1])
    return (time.perf_counter() - start) / rows


def accuracy(seed, goal, most):
    """Seconds of training and testing until `goal` of the test images are right, tested after every epoch."""
    x, y = worker.images("train")
    test_x, test_y = worker.images("test")
    model = classifier((256,), 128, solver="adam", learning_rate_init=1e-3, random_state=int(seed))
    start = time.perf_counter()
    for epoch in range(int(most)):
        model.partial_fit(x, y, classes=CLASSES)
        right = model.score(test_x, test_y)
        if right >= float(goal):
            return {"seconds": time.perf_counter() - start, "epochs": epoch + 1, "accuracy": right}
    return {"error": "%.2f %% after %s epochs" % (100 * right, most)}


def regressor(hidden, batch, **how):
    return MLPRegressor(hidden, batch_size=batch, alpha=0, **how)


JOBS = {
    "W1": W1,
    "W2": Work(lambda: classifier((512, 512), 128, solver="adam"), digits, 1),
    "W3": Work(lambda: regressor((2048, 2048), 512, learning_rate_init=1e-5, **SGD), lambda: worker.numbers(2048, 2048, 2048), 1 / 4),
    "W4": Work(lambda: regressor((32, 32), 32, solver="adam"), lambda: worker.numbers(100000, 16, 1), 32 / 100000),
    "W5": Work(lambda: regressor((10,), 10, activation="logistic", learning_rate_init=0.1, **SGD),
               lambda: worker.numbers(20000, 2, 1), 1 / 20000),
    "W6": predict,
    "accuracy": accuracy,
}  # fmt: skip

limits = None


def set_threads(threads):
    global limits
    limits = threadpool_limits(threads)


worker.serve(JOBS, sklearn.__version__, set_threads)
