"""worker.py - what the peers written in Python share: data, and jobs from stdin answered with a line of JSON each.

A job is "NAME THREADS": a workload, done once, answered with the seconds of its unit (an epoch, a step, a sample, a row).
"""
import json
import os
import resource
import sys

import numpy

FOLDER = os.environ.get("PEER_DATA", ".")
rng = numpy.random.RandomState(1)


def images(part, scaled=True):
    """x and labels of a part, "train" or "test", from raw bytes."""
    x = numpy.fromfile(os.path.join(FOLDER, part + "-images"), numpy.uint8).reshape(-1, 784)
    y = numpy.fromfile(os.path.join(FOLDER, part + "-labels"), numpy.uint8).astype(numpy.int64)
    return x.astype(numpy.float32) / 255 if scaled else x, y


def numbers(rows, inputs, outputs):
    """Random inputs, normal, and targets in [0, 1)."""
    x = rng.standard_normal((rows, inputs)).astype(numpy.float32)
    return x, rng.random_sample((rows, outputs)).astype(numpy.float32)


def serve(jobs, version, set_threads):
    """jobs: name -> function that returns seconds."""
    for line in sys.stdin:
        name, *rest = line.split()
        try:
            if name == "version":
                reply = {"version": version}
            elif name == "memory":
                reply = {"bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}
            elif name in jobs:
                set_threads(int(rest[0]))
                result = jobs[name](*rest[1:])
                reply = result if isinstance(result, dict) else {"seconds": result}
            else:
                reply = {"error": "unknown job: " + line.strip()}
        except Exception as e:  # told to the caller, which goes on without this figure
            reply = {"error": "%s: %s" % (type(e).__name__, e)}
        print(json.dumps(reply), flush=True)
