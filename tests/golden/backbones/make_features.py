#!/usr/bin/env python3
"""Golden feature maps of every network, from PyTorch and torchvision (references.py). No checkpoint is committed: every weight is
a hash of its name and index, the same in Python and in the test (SplitMix64.For(0, name), see Core.CSharp/SplitMix64.cs).

    /usr/bin/python3 make_features.py                   writes features.tsv: a line a layer and size
    /usr/bin/python3 make_features.py --compare [NAME]  saves each network as .pth, runs `scripts/repro features`, compares whole maps
"""
import os
import struct
import subprocess
import sys
import tempfile

import numpy as np
import torch

from references import NETWORKS

HERE = os.path.dirname(os.path.abspath(__file__))
SIZES = [(224, 224), (97, 131)]
POSITIONS = 8
MASK, GOLDEN = (1 << 64) - 1, 0x9E3779B97F4A7C15


def mix(value):
    value = ((value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9))
    value = ((value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB))
    return value ^ (value >> np.uint64(31))


def uniform(name, count, low, high):
    """The first doubles of SplitMix64.For(0, name), as floats in [low, high)."""
    with np.errstate(over="ignore"):
        state = np.uint64(0xCBF29CE484222325)
        for byte in name.encode():
            state = (state ^ np.uint64(byte)) * np.uint64(0x100000001B3)
        state = mix(np.uint64(GOLDEN)) ^ mix(state)
        bits = mix(state + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(GOLDEN))
    return (low + (high - low) * ((bits >> np.uint64(11)).astype(np.float64) / 2.0**53)).astype(np.float32)


def weight(name, shape):
    count = int(np.prod(shape))
    if len(shape) == 4:
        bound = np.sqrt(6.0 / np.prod(shape[1:]))
        values = uniform(name, count, -bound, bound)
    elif name.endswith("running_var"):
        values = uniform(name, count, 0.25, 1.75)
    elif name.endswith("weight"):
        values = uniform(name, count, 0.3, 0.9)
    else:
        values = uniform(name, count, -0.3, 0.3)
    return torch.from_numpy(values.reshape(shape))


def build(name):
    model, run = NETWORKS[name]()
    for key, value in model.state_dict().items():
        if key.endswith("num_batches_tracked") or key.startswith(("fc.", "classifier.")):
            continue
        value.copy_(weight(key, tuple(value.shape)))
    model.eval()
    return model, run


def network_input(height, width):
    return torch.from_numpy(uniform("input", 3 * height * width, -2, 2).reshape(1, 3, height, width))


def golden():
    with open(os.path.join(HERE, "features.tsv"), "w") as out:
        out.write("network\theight\twidth\tlayer\tshape\tmean\tmean_abs\tmax_abs\tvalues\n")
        for name in NETWORKS:
            _, run = build(name)
            for height, width in SIZES:
                for layer, value in run(network_input(height, width)).items():
                    flat = value.reshape(-1).double()
                    where = (uniform(f"{name} {layer}", POSITIONS, 0, 1).astype(np.float64) * len(flat)).astype(np.int64)
                    numbers = [flat.mean(), flat.abs().mean(), flat.abs().max()]
                    out.write("\t".join([
                        name, str(height), str(width), layer, ",".join(map(str, value.shape)),
                        *(f"{float(number):.8g}" for number in numbers), ",".join(f"{float(flat[i]):.7g}" for i in where)]) + "\n")
            print(name, flush=True)


def read_safetensors(path):
    import json

    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        data = file.read()
    return {name: np.frombuffer(data[slice(*entry["data_offsets"])], np.float32).reshape(entry["shape"])
            for name, entry in header.items() if name != "__metadata__"}


def compare(names):
    repro = os.path.join(HERE, "..", "..", "..", "scripts", "repro")
    worst = 0.0
    with tempfile.TemporaryDirectory() as folder:
        for index, name in enumerate(names):
            model, run = build(name)
            weights, array, out = (os.path.join(folder, file) for file in (f"weights_{index}.pth", "x.npy", "features.safetensors"))
            torch.save(model.state_dict(), weights, _use_new_zipfile_serialization=index % 2 == 0)
            for height, width in SIZES:
                x = network_input(height, width)
                np.save(array, x.numpy())
                expected = {layer: value.numpy() for layer, value in run(x).items()}
                subprocess.run([repro, "features", "--backbone", name, "--weights", weights, "--layers", ",".join(expected), "--input", array, "--out", out], check=True)
                found = read_safetensors(out)
                assert all(found[layer].shape == value.shape for layer, value in expected.items())
                error = max(float(np.abs(found[layer] - value).max() / np.abs(value).max()) for layer, value in expected.items())
                worst = max(worst, error)
                print(f"{name} {height}x{width}: {len(expected)} layers, worst error {error:.2e}", flush=True)
            os.remove(weights)
    print(f"worst of all {worst:.2e}")


with torch.no_grad():
    if sys.argv[1:2] == ["--compare"]:
        compare(sys.argv[2:] or list(NETWORKS))
    else:
        golden()
