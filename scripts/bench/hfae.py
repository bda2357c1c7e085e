#!/usr/bin/env python3
"""The peer of `repro run --paper hfae`: the same training loop in PyTorch, over encoder features that are computed once.

Prints the seconds of each training epoch and their median as one JSON line. Needs python3-torch and python3-pil.
"""

import argparse
import json
import pathlib
import statistics
import struct
import time

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn


def read_safetensors(path):
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = file.read()
    types = {"F32": np.float32, "F16": np.float16}
    return {
        name: torch.from_numpy(
            np.frombuffer(data[entry["data_offsets"][0]:entry["data_offsets"][1]], types[entry["dtype"]]).copy().reshape(entry["shape"])
        ).float()
        for name, entry in header.items()
        if name != "__metadata__"
    }


def encode(weights, x):
    """layer1, layer2 and layer3 of a ResNet-18 whose batch norms are folded into its convolutions."""

    def conv(x, name, stride=1, padding=1):
        return F.conv2d(x, weights[name + ".weight"], weights[name + ".bias"], stride, padding)

    x = F.max_pool2d(F.relu(conv(x, "conv1", 2, 3)), 3, 2, 1)
    levels = []
    for level in (1, 2, 3):
        for block in (0, 1):
            name = f"layer{level}.{block}"
            down = level > 1 and block == 0
            y = conv(F.relu(conv(x, name + ".conv1", 2 if down else 1)), name + ".conv2")
            x = F.relu(y + (conv(x, name + ".downsample.0", 2, 0) if down else x))
        levels.append(x)
    return levels


class Decoder(nn.Module):
    def __init__(self, channels=(64, 128, 256)):
        super().__init__()
        inputs = (*channels[1:], channels[-1])
        self.levels = nn.ModuleList(self.level(i, c) for i, c in zip(inputs, channels))

    @staticmethod
    def level(inputs, channels):
        layers = []
        for kernel in (1, 3, 1):
            layers += [nn.Conv2d(inputs, channels, kernel, padding=kernel // 2, bias=False), nn.BatchNorm2d(channels), nn.LeakyReLU(0.1, inplace=True)]
            inputs = channels
        return nn.Sequential(*layers, nn.Conv2d(channels, channels, 1))

    def forward(self, feature):
        decoded = []
        for i, level in enumerate(reversed(self.levels)):
            feature = level(F.interpolate(feature, scale_factor=2.0) if i > 0 else feature)
            decoded.insert(0, feature)
        return decoded


def residual(encoded, decoded):
    return 0.5 * (F.normalize(encoded, dim=1) - F.normalize(decoded, dim=1)).square()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=pathlib.Path, required=True, help="a category in MVTec AD layout")
    parser.add_argument("--weights", type=pathlib.Path, required=True, help="resnet18.safetensors, batch norm folded")
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)

    weights = read_safetensors(options.weights)
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1), torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
    paths = sorted((options.data / "train" / "good").glob("*.png"))
    levels = [[], [], []]
    with torch.no_grad():
        for path in paths:
            image = Image.open(path).convert("RGB").resize((options.side, options.side), Image.BILINEAR)
            pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1).float() / 255
            for level, feature in zip(levels, encode(weights, ((pixels - mean) / deviation)[None])):
                level.append(feature)
    features = [torch.cat(level) for level in levels]

    decoder = Decoder()
    optimizer = torch.optim.SGD(decoder.parameters(), 0.4, momentum=0.9, weight_decay=1e-4)
    seconds = []
    for _ in range(options.epochs):
        start = time.perf_counter()
        order = torch.randperm(len(paths))
        for i in range(0, len(paths) - options.batch + 1, options.batch):
            encoded = [feature[order[i:i + options.batch]] for feature in features]
            losses = [residual(e, d).sum(1).mean() for e, d in zip(encoded, decoder(encoded[-1]))]
            loss = sum(losses) / len(losses)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            loss.item()
        seconds.append(time.perf_counter() - start)
    print(json.dumps({"torch": torch.__version__, "images": len(paths), "batch": options.batch, "threads": options.threads,
                      "epoch_seconds": [round(s, 3) for s in seconds], "median": round(statistics.median(seconds), 3)}))


if __name__ == "__main__":
    main()
