"""Networks of PyTorch for test_partners.c, which compares answers in both directions.

    torch_models.py write FOLDER      some torch.nn.Sequential: N.safetensors, N.net (hidden layers), N.task, N.x, N.y (f64)
    torch_models.py answer FOLDER     what PyTorch answers with the weights of the models N.safetensors to N.x: N.y

Ends with code 77 where there is no PyTorch."""

import os
import sys

import exchange

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
TYPES = {"F32": torch.float32, "F64": torch.float64}
ROWS = 20


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


def numbers_of(t):
    return t.detach().double().flatten().tolist()


def write(path, number):
    torch.manual_seed(number)
    kind = "F64" if number == 2 else "F32"
    m = sequential(NETS[number], 4, 3).to(TYPES[kind])
    x = torch.randn(ROWS, 4, dtype=TYPES[kind])
    # Not in the order of the layers: as anything may save it.
    tensors = {name: (kind, t.shape, numbers_of(t)) for name, t in sorted(m.state_dict().items())}
    exchange.save(path + ".safetensors", tensors)
    exchange.write_text(path + ".net", NETS[number])
    exchange.write_text(path + ".task", "regress")
    exchange.write_numbers(path + ".x", numbers_of(x))
    exchange.write_numbers(path + ".y", numbers_of(m(x)))


def answer(path, number):
    metadata, tensors = exchange.load(path + ".safetensors")
    inputs, outputs = int(metadata["inputs"]), int(metadata["outputs"])
    weights = {name: torch.tensor(t, dtype=TYPES[kind]).reshape(shape) for name, (kind, shape, t) in tensors.items()}
    dtype = next(iter(weights.values())).dtype
    m = sequential(metadata["net"], inputs, outputs).to(dtype)
    m.load_state_dict(weights, strict=True)
    x = torch.tensor(exchange.read_numbers(path + ".x"), dtype=dtype).reshape(-1, inputs)
    exchange.write_numbers(path + ".y", numbers_of(m(x)))


for i in range(len(NETS)):
    {"write": write, "answer": answer}[sys.argv[1]](os.path.join(sys.argv[2], str(i)), i)
