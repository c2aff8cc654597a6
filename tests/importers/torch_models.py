"""Networks of PyTorch for test_importers.c, which compares answers in both directions.

    torch_models.py write FOLDER           some torch.nn.Sequential: N.safetensors, N.net (hidden layers), N.x, N.y (f64)
    torch_models.py answer FOLDER          what PyTorch answers with the weights of the models N.safetensors to N.x: N.y

Ends with code 77 where there is no PyTorch.
Reads and writes safetensors with its own few lines: the container is simple, and the package need not be there."""

import json
import os
import struct
import sys
from array import array

try:
    import torch
    from torch import nn
except ImportError:
    sys.exit(77)

ACTIVATIONS = {
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "leaky_relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "softplus": nn.Softplus,
}
NETS = ["", "dense 7 relu, dropout 0.5, dense 6 tanh", ", ".join(f"dense 5 {f}" for f in ACTIVATIONS)]
ROWS = 20


def save(path, tensors):
    header, data = {}, b""
    for name, t in tensors.items():
        kind = "F64" if t.dtype == torch.float64 else "F32"
        values = array("d" if kind == "F64" else "f", t.detach().flatten().tolist()).tobytes()
        header[name] = {"dtype": kind, "shape": list(t.shape), "data_offsets": [len(data), len(data) + len(values)]}
        data += values
    text = json.dumps(header).encode()
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + data)


def load(path):
    with open(path, "rb") as f:
        (length,) = struct.unpack("<Q", f.read(8))
        header, data = json.loads(f.read(length)), f.read()
    metadata, tensors = header.pop("__metadata__"), {}
    for name, t in header.items():
        begin, end = t["data_offsets"]
        values = array({"F32": "f", "F64": "d"}[t["dtype"]], data[begin:end])
        dtype = {"F32": torch.float32, "F64": torch.float64}[t["dtype"]]
        tensors[name] = torch.tensor(values.tolist(), dtype=dtype).reshape(t["shape"])
    return metadata, tensors


def sequential(net, inputs, outputs):
    """The layers of a description, "dense 5 tanh, dropout 0.2", and a linear output layer."""
    layers = []
    for word in (part.split() for part in net.split(",") if part.strip()):
        if word[0] == "dropout":
            layers.append(nn.Dropout(float(word[1])))
            continue
        layers.append(nn.Linear(inputs, int(word[1])))
        inputs = int(word[1])
        if word[2] != "linear":
            layers.append(ACTIVATIONS[word[2]]())
    layers.append(nn.Linear(inputs, outputs))
    return nn.Sequential(*layers).eval()


def write_numbers(path, t):
    with open(path, "wb") as f:
        array("d", t.detach().double().flatten().tolist()).tofile(f)


def read_numbers(path):
    numbers = array("d")
    numbers.fromfile(open(path, "rb"), os.path.getsize(path) // 8)
    return torch.tensor(numbers.tolist(), dtype=torch.float64)


def write(folder):
    torch.manual_seed(1)
    for number, net in enumerate(NETS):
        dtype = torch.float64 if number == 2 else torch.float32
        m = sequential(net, 4, 3).to(dtype)
        x = torch.randn(ROWS, 4, dtype=dtype)
        path = os.path.join(folder, str(number))
        # Not in the order of the layers: as anything may save it.
        save(path + ".safetensors", dict(sorted(m.state_dict().items())))
        with open(path + ".net", "w") as f:
            f.write(net)
        write_numbers(path + ".x", x)
        write_numbers(path + ".y", m(x))


def answer(folder, name):
    path = os.path.join(folder, name)
    metadata, tensors = load(path + ".safetensors")
    m = sequential(metadata["net"], int(metadata["inputs"]), int(metadata["outputs"]))
    m.to(next(iter(tensors.values())).dtype).load_state_dict(tensors, strict=True)
    x = read_numbers(path + ".x").reshape(-1, int(metadata["inputs"])).to(next(m.parameters()).dtype)
    write_numbers(path + ".y", m(x))


if sys.argv[1] == "write":
    write(sys.argv[2])
else:
    for number in range(len(NETS)):
        answer(sys.argv[2], str(number))
