"""Golden values of padim, patchcore, spade and the floors from scikit-learn 1.2 and SciPy: /usr/bin/python3 make.py > golden.json

The samples are made by a generator that the test repeats exactly, so only results are kept."""
import json

import numpy as np
from scipy.special import softmax
from sklearn.covariance import EmpiricalCovariance
from sklearn.decomposition import PCA
from sklearn.metrics import pairwise_distances
from sklearn.neighbors import NearestNeighbors


def uniform(count, seed):
    """Numerical Recipes' 32-bit linear congruential generator, in [0, 1)."""
    values, state = [], seed
    for _ in range(count):
        state = (1664525 * state + 1013904223) % 2**32
        values.append(state / 2**32)
    return np.array(values)


def samples(seed, *shape):
    return uniform(int(np.prod(shape)), seed).reshape(shape).astype(np.float32).astype(np.float64)


def padim():
    """Mahalanobis distance at each position, covariance with N - 1 and 0.01 on its diagonal."""
    training, tested = samples(1, 6, 9, 4), samples(2, 6, 4, 3)
    rows = []
    for position in range(6):
        model = EmpiricalCovariance().fit(training[position])
        covariance = model.covariance_ * 9 / 8 + 0.01 * np.eye(4)
        model.precision_ = np.linalg.inv(covariance)
        rows.append(np.sqrt(model.mahalanobis(tested[position].T)).tolist())
    return {"distances": rows}


def spade():
    training, tested, gallery, positions = samples(3, 20, 6), samples(4, 5, 6), samples(5, 40, 5), samples(6, 12, 5)
    distances, nearest = NearestNeighbors(n_neighbors=4, algorithm="brute").fit(training).kneighbors(tested)
    near, _ = NearestNeighbors(n_neighbors=1, algorithm="kd_tree").fit(gallery).kneighbors(positions)
    return {"scores": (distances**2).mean(axis=1).tolist(), "nearest": nearest.tolist(), "positions": near[:, 0].tolist()}


def patchcore():
    bank, patches = samples(7, 1300, 8), samples(8, 30, 8)
    search = NearestNeighbors(n_neighbors=1, algorithm="kd_tree").fit(bank)
    distance, index = search.kneighbors(patches)
    among = NearestNeighbors(n_neighbors=5).fit(bank)
    farthest = distance[:, 0].argmax()
    _, around = among.kneighbors(bank[index[farthest]])
    to = np.linalg.norm(bank[around[0]] - patches[farthest], axis=1)
    score = (1 - softmax(to)[0]) * distance[farthest, 0]
    chosen, closest = [3], pairwise_distances(bank, bank[[3]])[:, 0]
    while len(chosen) < 60:
        chosen.append(int(closest.argmax()))
        closest = np.minimum(closest, pairwise_distances(bank, bank[chosen[-1:]])[:, 0])
    return {
        "distances": distance[:, 0].tolist(),
        "indices": index[:, 0].tolist(),
        "farthest": int(farthest),
        "neighbourhood": to.tolist(),
        "score": float(score),
        "coreset": chosen,
        "radius": float(closest.max()),
    }


def floors():
    """The part of a vector that the first principal components do not give back."""
    training, tested = samples(9, 25, 7), samples(10, 6, 7)
    model = PCA(n_components=3, svd_solver="full").fit(training)
    restored = model.inverse_transform(model.transform(tested))
    return {"residuals": (tested - restored).tolist()}


print(json.dumps({"padim": padim(), "spade": spade(), "patchcore": patchcore(), "floors": floors()}))
