"""torch_peer.py - PyTorch, data in memory, at its best: gradients freed rather than zeroed, and for Adam the faster of its two
implementations. Jobs: W1 to W6, accuracy; see worker.py."""
import time

import torch
from torch import nn

import worker


def network(sizes, activation, last=None):
    layers = []
    for i, (n, m) in enumerate(zip(sizes, sizes[1:])):
        layers.append(nn.Linear(n, m))
        if i < len(sizes) - 2:
            layers.append(activation())
    return nn.Sequential(*layers, *([last()] if last else []))


def train(model, optimizer, loss, x, y, batch, steps):
    """Seconds of `steps` steps on shuffled rows."""
    order = torch.randperm(len(x))
    start = time.perf_counter()
    for i in range(steps):
        rows = order[i * batch : (i + 1) * batch]
        optimizer.zero_grad(set_to_none=True)
        loss(model(x[rows]), y[rows]).backward()
        optimizer.step()
    return time.perf_counter() - start


class Work:
    """A workload, made when it is first asked for. `factor` turns seconds of a step into seconds of the unit."""

    def __init__(self, model, data, loss, batch, adam, lr, steps, factor):
        self.make_model, self.make_data, self.loss = model, data, loss()
        self.batch, self.adam, self.lr, self.steps, self.factor = batch, adam, lr, steps, factor
        self.model = None
        self.best = {}  # number of threads -> implementation

    def optimizer(self, foreach):
        if not self.adam:
            return torch.optim.SGD(self.model.parameters(), lr=self.lr)
        return torch.optim.Adam(self.model.parameters(), lr=self.lr, foreach=foreach)

    def run(self, foreach, steps):
        return train(self.model, self.optimizer(foreach), self.loss, self.x, self.y, self.batch, steps) / steps

    def __call__(self):
        if self.model is None:
            self.model = self.make_model()
            self.x, self.y = (torch.from_numpy(a) for a in self.make_data())
        threads = torch.get_num_threads()
        if threads not in self.best:
            trial = max(2, self.steps // 20)
            kinds = [False, True] if self.adam else [False]
            self.best[threads] = min(kinds, key=lambda kind: min(self.run(kind, trial) for _ in range(2)))
        return self.run(self.best[threads], self.steps) * self.factor


def predict():
    model, (x, _) = network([784, 50, 10], nn.ReLU, lambda: nn.Softmax(1)), worker.images("train")
    x, rows = torch.from_numpy(x[:2000]), 2000
    with torch.inference_mode():
        start = time.perf_counter()
        for i in range(rows):
            model(x[i : i + 1])
        return (time.perf_counter() - start) / rows


def accuracy(seed, goal, most):
    """Seconds of training and testing until `goal` of the test images are right, tested after every epoch."""
    torch.manual_seed(int(seed))
    x, y = (torch.from_numpy(a) for a in worker.images("train"))
    test_x, test_y = (torch.from_numpy(a) for a in worker.images("test"))
    model, loss = network([784, 256, 10], nn.ReLU), nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    start = time.perf_counter()
    for epoch in range(int(most)):
        train(model, optimizer, loss, x, y, 128, (len(x) + 127) // 128)
        with torch.inference_mode():
            right = (model(test_x).argmax(1) == test_y).float().mean().item()
        if right >= float(goal):
            return {"seconds": time.perf_counter() - start, "epochs": epoch + 1, "accuracy": right}
    return {"error": "%.2f %% after %s epochs" % (100 * right, most)}


def digits():
    return worker.images("train")


JOBS = {
    "W1": Work(lambda: network([784, 50, 10], nn.ReLU), digits, nn.CrossEntropyLoss, 100, False, 0.1, 600, 600),
    "W2": Work(lambda: network([784, 512, 512, 10], nn.ReLU), digits, nn.CrossEntropyLoss, 128, True, 1e-3, 200, 60000 / 128),
    "W3": Work(lambda: network([2048] * 4, nn.ReLU), lambda: worker.numbers(2048, 2048, 2048), nn.MSELoss, 512, False, 0.01, 4, 1),
    "W4": Work(lambda: network([16, 32, 32, 1], nn.ReLU), lambda: worker.numbers(100000, 16, 1), nn.MSELoss, 32, True, 1e-3, 1000, 1),
    "W5": Work(lambda: network([2, 10, 1], nn.Sigmoid, nn.Sigmoid), lambda: worker.numbers(20000, 2, 1), nn.MSELoss, 10, False, 0.1,
               1000, 0.1),
    "W6": predict,
    "accuracy": accuracy,
}  # fmt: skip

worker.serve(JOBS, torch.__version__, torch.set_num_threads)
