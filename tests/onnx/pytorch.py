"""pytorch.py - networks that PyTorch's own exporter writes as ONNX, imported: the answers must be PyTorch's.
  pytorch.py ANSWERS DIR      ANSWERS: the program of answers.c; DIR: where the files go"""
import subprocess
import sys
import warnings

import torch
from torch import nn

warnings.filterwarnings("ignore")
torch.manual_seed(1)
answers, folder = sys.argv[1:3]
INPUTS, ROWS = 7, 20


def norm(n):
    b = nn.BatchNorm1d(n)
    b.running_mean.uniform_(-1, 1)
    b.running_var.uniform_(0.5, 2)
    b.weight.data.uniform_(0.5, 2)
    b.bias.data.uniform_(-1, 1)
    return b


class Digits(nn.Module):
    """Normalises in the graph and flattens with view: Shape, Gather, Unsqueeze, Concat, Reshape."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(INPUTS, 3)

    def forward(self, x):
        x = (x - 0.1307) / 0.3081
        return self.layer(x.view(x.size(0), -1))


def hidden(activation, *after):
    return nn.Sequential(nn.Linear(INPUTS, 9), activation, nn.Linear(9, 3), *after)


# network, shape of a row, --task, what is compared with the answers
networks = {
    "relu": (hidden(nn.ReLU()), [INPUTS]),
    "dropout": (nn.Sequential(nn.Linear(INPUTS, 9), nn.Dropout(0.5), nn.ReLU(), nn.Linear(9, 3)), [INPUTS]),
    "gelu": (hidden(nn.GELU()), [INPUTS]),
    "gelu_tanh": (hidden(nn.GELU(approximate="tanh")), [INPUTS]),
    "silu": (hidden(nn.SiLU(), nn.Softmax(dim=1)), [INPUTS]),
    "elu": (hidden(nn.ELU(), nn.Tanh()), [INPUTS]),
    "leaky": (hidden(nn.LeakyReLU(), nn.Sigmoid()), [INPUTS]),
    "softplus": (hidden(nn.Softplus(), nn.ReLU()), [INPUTS]),
    "sigmoid": (hidden(nn.Sigmoid()), [INPUTS]),
    "norm": (nn.Sequential(nn.Linear(INPUTS, 9), norm(9), nn.ReLU(), nn.Linear(9, 3)), [INPUTS]),
    "norm_after": (nn.Sequential(nn.Linear(INPUTS, 9, bias=False), nn.ReLU(), norm(9), nn.Linear(9, 3)), [INPUTS]),
    "norm_first": (nn.Sequential(norm(INPUTS), nn.Linear(INPUTS, 3), nn.LogSoftmax(dim=1)), [INPUTS], None, torch.exp),
    "norm_last": (nn.Sequential(nn.Linear(INPUTS, 3), nn.Tanh(), norm(3)), [INPUTS]),
    "flatten": (nn.Sequential(nn.Flatten(), nn.Linear(INPUTS, 3)), [1, INPUTS, 1]),
    "view": (Digits(), [1, 1, INPUTS]),
    "scores": (hidden(nn.ReLU()), [INPUTS], "classify", lambda y: torch.softmax(y, 1)),
}

worst = {torch.float32: 0.0, torch.float64: 0.0}
for dtype in worst:
    for name, (network, shape, *rest) in networks.items():
        task, expected = (rest + [None, lambda y: y])[:2] if rest else (None, lambda y: y)
        network = network.to(dtype).eval()
        x = torch.rand(ROWS, *shape, dtype=dtype) * 4 - 2
        path = f"{folder}/{name}.onnx"
        torch.onnx.export(network, x, path, opset_version=13, input_names=["x"], output_names=["y"],
                          dynamic_axes={"x": {0: "n"}, "y": {0: "n"}})
        with torch.no_grad():
            want = expected(network(x)).double()
        rows = "\n".join(" ".join(repr(float(v)) for v in row) for row in x.reshape(ROWS, -1))
        done = subprocess.run([answers, path] + ([task] if task else []), input=rows, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"{name}: {done.stderr}")
        found = torch.tensor([[float(v) for v in line.split()] for line in done.stdout.splitlines()], dtype=torch.float64)
        if found.shape != want.shape:
            sys.exit(f"{name}: answers of shape {list(found.shape)}, expected {list(want.shape)}")
        difference = float(((found - want).abs() / want.abs().max()).max())
        worst[dtype] = max(worst[dtype], difference)
        if not difference <= (2e-6 if dtype == torch.float32 else 1e-7):
            sys.exit(f"{name}, {dtype}: the answers differ by {difference:.1e} of the largest")
print(f"{2 * len(networks)} networks of PyTorch {torch.__version__} imported; "
      f"largest difference f32 {worst[torch.float32]:.1e}, f64 {worst[torch.float64]:.1e}")
