#!/usr/bin/env python3
"""The PyTorch side of `scripts/bench.sh features`: torchvision's network, as its users run it, on the weights and the input that the
benchmark has written. Each line on standard input is answered by the seconds of one forward pass.

    features.py NETWORK WEIGHTS.safetensors INPUT.npy THREADS
"""
import json
import struct
import sys
import time

import numpy as np
import torch
import torchvision


def read(path):
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        data = file.read()
    return {name: torch.from_numpy(np.frombuffer(data[slice(*entry["data_offsets"])], np.float32).reshape(entry["shape"]).copy())
            for name, entry in header.items() if name != "__metadata__"}


network, weights, array, threads = sys.argv[1:]
torch.set_num_threads(int(threads))
model = getattr(torchvision.models, network)()
missing, unexpected = model.load_state_dict(read(weights), strict=False)
assert not unexpected and all(name.startswith(("fc.", "classifier.")) or name.endswith("num_batches_tracked") for name in missing)
model.eval()
if network.startswith("resnet"):
    model = torch.nn.Sequential(model.conv1, model.bn1, model.relu, model.maxpool, model.layer1, model.layer2, model.layer3, model.layer4)
else:
    model = model.features
x = torch.from_numpy(np.load(array))
with torch.inference_mode():
    features = model(x)
    print(f"ready {float(features.abs().max()):.6g}", flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        model(x)
        print(time.perf_counter() - start, flush=True)
