#!/usr/bin/env python3
"""The baseline of `repro bench hfae`: hfae's training epoch as a plain PyTorch loop over encoder features held in memory.

The features are random and have the shapes of ResNet-18's layer1 to layer3; the time does not depend on their values.
Prints the seconds of each epoch as one JSON line. Needs python3-torch.
"""

import argparse
import json
import time

import torch
import torch.nn.functional as F
from torch import nn

CHANNELS = (64, 128, 256)


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.levels = nn.ModuleList(self.level(i, c) for i, c in zip((*CHANNELS[1:], CHANNELS[-1]), CHANNELS))

    @staticmethod
    def level(inputs, channels):
        layers = []
        for kernel in (1, 3, 1):
            layers += [nn.Conv2d(inputs, channels, kernel, padding=kernel // 2, bias=False), nn.BatchNorm2d(channels), nn.LeakyReLU(0.1, inplace=True)]
            inputs = channels
        return nn.Sequential(*layers, nn.Conv2d(channels, channels, 1))

    def forward(self, feature):
        decoded = []
        for level in reversed(self.levels):
            feature = level(F.interpolate(feature, scale_factor=2.0) if decoded else feature)
            decoded.insert(0, feature)
        return decoded


def residual(encoded, decoded):
    return 0.5 * (F.normalize(encoded, dim=1) - F.normalize(decoded, dim=1)).square()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, required=True)
    parser.add_argument("--side", type=int, required=True)
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--epochs", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    features = [torch.rand(options.images, c, options.side // s, options.side // s) for c, s in zip(CHANNELS, (4, 8, 16))]

    decoder = Decoder()
    optimizer = torch.optim.SGD(decoder.parameters(), 0.4, momentum=0.9, weight_decay=1e-4)
    seconds = []
    for _ in range(options.epochs):
        start = time.perf_counter()
        order = torch.randperm(options.images)
        for i in range(0, options.images - options.batch + 1, options.batch):
            encoded = [feature[order[i:i + options.batch]] for feature in features]
            losses = [residual(e, d).sum(1).mean() for e, d in zip(encoded, decoder(encoded[-1]))]
            loss = sum(losses) / len(losses)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            loss.item()
        seconds.append(time.perf_counter() - start)
    print(json.dumps({"torch": torch.__version__, "seconds": seconds}))


if __name__ == "__main__":
    main()
