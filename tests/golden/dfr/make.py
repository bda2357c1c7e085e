#!/usr/bin/python3
"""Writes golden.json: how many principal components scikit-learn keeps for shares of variance, on samples from a fixed generator."""
import json
import os

import numpy as np
from sklearn.decomposition import PCA


def uniform(count, seed):
    state, values = seed, []
    for _ in range(count):
        state = (1664525 * state + 1013904223) % 2**32
        values.append(state / 2**32)
    return np.array(values)


def samples(n, d, seed):
    """Columns whose spread falls off, so that the shares of variance differ."""
    return (uniform(n * d, seed).reshape(n, d) / (1 + np.arange(d))).astype(np.float32)


cases = []
for n, d, seed in [(200, 12, 1), (30, 50, 2), (64, 64, 3)]:
    cumulative = np.cumsum(PCA().fit(samples(n, d, seed).astype(np.float64)).explained_variance_ratio_)
    for variance in [0.5, 0.9, 0.99]:
        cases.append({"n": n, "d": d, "seed": seed, "variance": variance, "components": int(np.argmax(cumulative >= variance)) + 1})

with open(os.path.join(os.path.dirname(__file__), "golden.json"), "w") as file:
    json.dump(cases, file, indent=1)
    file.write("\n")
