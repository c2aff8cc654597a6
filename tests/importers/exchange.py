"""Files that the scripts here and test_partners.c exchange: safetensors, written and read by these few lines since the
container is simple and the package need not be there, and plain rows of doubles."""

import json
import os
import struct
from array import array

CODES = {"F32": "f", "F64": "d"}


def save(path, tensors):
    """tensors: name -> (type, shape, numbers in rows)."""
    header, data = {}, b""
    for name, (kind, shape, numbers) in tensors.items():
        values = array(CODES[kind], numbers).tobytes()
        header[name] = {"dtype": kind, "shape": list(shape), "data_offsets": [len(data), len(data) + len(values)]}
        data += values
    text = json.dumps(header).encode()
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + data)


def load(path):
    """The metadata, and tensors as save takes them."""
    with open(path, "rb") as f:
        (length,) = struct.unpack("<Q", f.read(8))
        header, data = json.loads(f.read(length)), f.read()
    metadata, tensors = header.pop("__metadata__"), {}
    for name, t in header.items():
        begin, end = t["data_offsets"]
        tensors[name] = (t["dtype"], t["shape"], array(CODES[t["dtype"]], data[begin:end]).tolist())
    return metadata, tensors


def write_text(path, text):
    with open(path, "w") as f:
        f.write(text)


def write_numbers(path, numbers):
    with open(path, "wb") as f:
        array("d", numbers).tofile(f)


def read_numbers(path):
    numbers = array("d")
    with open(path, "rb") as f:
        numbers.fromfile(f, os.path.getsize(path) // 8)
    return numbers.tolist()
