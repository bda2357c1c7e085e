"""Golden values of the structural similarity index, by scikit-image (Debian: python3-skimage). Run: python3 make.py > golden.json

The settings are Wang et al. 2004's: a Gaussian window of sigma 1.5 cut off at 11 pixels, population (co)variances. Images come from a
small generator that the test has, too, so that no pictures need be kept.
"""
import json

import numpy
from skimage.metrics import structural_similarity


def image(seed, height, width):
    state, values = seed, []
    for index in range(3 * height * width):
        state = (1664525 * state + 1013904223) % 2**32
        # A slope under the noise, so that means differ from place to place.
        values.append((state / 2**32 + index % width / width) / 2)
    return numpy.array(values, dtype=numpy.float32).reshape(3, height, width).astype(numpy.float64)


cases = []
for seed, height, width, share in [(1, 16, 20, 0.0), (2, 24, 17, 0.3), (3, 16, 16, 0.9), (4, 33, 12, 0.99)]:
    a, b = image(seed, height, width), image(seed + 100, height, width)
    b = share * a + (1 - share) * b
    maps = [
        structural_similarity(a[c], b[c], data_range=1, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, full=True)[1]
        for c in range(3)
    ]
    # Away from the border, which scikit-image continues otherwise than by mirroring without the edge.
    inside = [[round(float(value), 9) for value in m[5:-5, 5:-5].ravel()] for m in maps]
    cases.append({"seed": seed, "height": height, "width": width, "share": share, "inside": inside})
print(json.dumps(cases, separators=(",", ":")))
