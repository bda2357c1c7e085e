"""Golden values of the `gaussian` statistics from scikit-learn 1.2 and SciPy: /usr/bin/python3 make.py > golden.json

The samples are made by a generator that the test repeats exactly, so only results are kept."""
import json

import numpy as np
from scipy.special import erf
from scipy.stats import chi2
from sklearn.covariance import LedoitWolf
from sklearn.decomposition import PCA
from sklearn.svm import OneClassSVM


def uniform(count, seed):
    """Numerical Recipes' 32-bit linear congruential generator, in [0, 1)."""
    values, state = [], seed
    for _ in range(count):
        state = (1664525 * state + 1013904223) % 2**32
        values.append(state / 2**32)
    return np.array(values)


def samples(n, d, seed):
    """Correlated features: four common factors of different size, and noise whose size falls with the feature's number."""
    factors = uniform(n * 4, seed).reshape(n, 4) * [4.0, 2.0, 1.0, 0.5]
    loadings = uniform(4 * d, seed + 1).reshape(4, d) - 0.5
    noise = (uniform(n * d, seed + 2).reshape(n, d) - 0.5) / (1 + np.arange(d))
    return factors @ loadings + noise


def mahalanobis(fit, queries):
    model = LedoitWolf().fit(fit)
    return model.shrinkage_, np.sqrt(model.mahalanobis(queries))


def case(n, d):
    x, queries = samples(n, d, 7 * n + d), samples(6, d, 11 * n + d)
    mean = x.mean(axis=0)
    shrinkage, distances = mahalanobis(x, queries)
    result = {
        "n": n, "d": d, "shrinkage": shrinkage, "mahalanobis": list(distances),
        "l2": list(np.sqrt(((queries - mean) ** 2).mean(axis=1))),
        "sed": list(np.sqrt((((queries - mean) / x.std(axis=0, ddof=1)) ** 2).mean(axis=1))),
        "ocsvm": list(-OneClassSVM(kernel="rbf", gamma="scale", nu=0.5, tol=1e-11).fit(x).decision_function(queries)),
        "compressed": [],
    }
    pca = PCA(svd_solver="full").fit(x)
    # With no more samples than features the last component has no variance and an arbitrary direction.
    components = pca.components_ if n > d else pca.components_[: n - 1]
    cumulative = np.cumsum(pca.explained_variance_ratio_)
    for kind, share in [("pca", 0.99), ("pca", 0.95), ("npca", 0.01), ("npca", 0.001), ("npca", 0.0001)]:
        index = int((cumulative > (share if kind == "pca" else 1 - share)).argmax())
        kept = components[: index + 1] if kind == "pca" else components[max(0, index - 1):]
        shrinkage, distances = mahalanobis((x - mean) @ kept.T, (queries - mean) @ kept.T)
        result["compressed"].append(
            {"kind": kind, "share": share, "dimensions": len(kept), "shrinkage": shrinkage, "distances": list(distances)})
    return result


print(json.dumps({
    "cases": [case(60, 12), case(391, 40), case(20, 50), case(48, 128)],
    "thresholds": [
        {"dimensions": d, "sigmas": n, "tail": float(1 - erf(n / np.sqrt(2))), "threshold": float(np.sqrt(chi2.ppf(erf(n / np.sqrt(2)), d)))}
        for d in (1, 2, 16, 192, 272, 1792) for n in (1, 2, 3, 4, 5)],
}, indent=1))
