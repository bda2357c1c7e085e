#!/usr/bin/env python3
"""Makes this folder's golden values with scikit-learn, scikit-image and SciPy.

    apt-get install python3-sklearn python3-skimage && /usr/bin/python3 tests/golden/metrics/make_golden.py

The project itself needs no Python. Made with scikit-learn 1.2.1, scikit-image 0.19.3, numpy 1.24.2.
"""
import json
from pathlib import Path

import numpy as np
from scipy.stats import chi2
from skimage.measure import label, regionprops
from sklearn.metrics import auc, average_precision_score, precision_recall_curve, roc_auc_score

here = Path(__file__).resolve().parent
rng = np.random.default_rng(4)


def sample_metrics(scores, labels):
    precision, recall, thresholds = precision_recall_curve(labels, scores)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-300)
    best = np.flatnonzero(f1 == f1.max())[-1]
    return {
        "auroc": roc_auc_score(labels, scores),
        "average_precision": average_precision_score(labels, scores),
        "f1_max": f1.max(),
        "f1_max_threshold": float(thresholds[best]),
    }


def pro_exact(maps, masks, limit):
    """Every distinct score as a threshold, regions by 8-connectivity, trapezoids, linear interpolation at the limit."""
    regions = [(label(mask, connectivity=2) == r.label, i) for i, mask in enumerate(masks)
               for r in regionprops(label(mask, connectivity=2))]
    fprs, pros = [0.0], [0.0]
    for threshold in np.unique(maps)[::-1]:
        above = maps >= threshold
        fprs.append((above & ~masks).sum() / (~masks).sum())
        pros.append(np.mean([above[i][region].mean() for region, i in regions]))
    fprs, pros = np.array(fprs), np.array(pros)
    inside = fprs <= limit
    x, y = fprs[inside], pros[inside]
    if x[-1] < limit:
        k = inside.sum()
        y_limit = pros[k - 1] + (pros[k] - pros[k - 1]) * (limit - fprs[k - 1]) / (fprs[k] - fprs[k - 1])
        x, y = np.append(x, limit), np.append(y, y_limit)
    return auc(x, y) / limit


def pro_of_dfr_code(maps, masks, limit, steps=5000):
    """What the DFR authors' evaluation computes, written anew."""
    props = [(i, r.bbox, r.filled_image, r.area) for i, mask in enumerate(masks)
             for r in regionprops(label(mask, connectivity=2))]
    highest, delta = maps.max(), (maps.max() - maps.min()) / steps
    fprs, pros = [], []
    for step in range(steps):
        above = maps > highest - step * delta
        fprs.append((above & ~masks).sum() / (~masks).sum())
        pros.append(np.mean([(above[i][b[0]:b[2], b[1]:b[3]] & filled).sum() / area for i, b, filled, area in props]))
    fprs, pros = np.array(fprs), np.array(pros)
    fprs, pros = fprs[fprs <= limit], pros[fprs <= limit]
    return auc((fprs - fprs.min()) / (fprs.max() - fprs.min()), pros)


# Samples: continuous scores, and scores with many ties.
continuous = rng.normal(size=500).astype(np.float32)
labels = (rng.random(500) < 0.2).astype(np.uint8)
continuous[labels == 1] += 1
tied = np.round(continuous * 2).astype(np.float32) / 2
np.save(here / "labels.npy", labels)
np.save(here / "continuous.npy", continuous)
np.save(here / "tied.npy", tied)

# Maps: blobs with holes, regions that touch at corners only, one at the border, one normal image; smooth noise with ties.
masks = np.zeros((5, 24, 32), bool)
masks[0, 3:10, 4:12] = True
masks[0, 5:8, 6:10] = False
masks[0, 6, 7] = True
masks[1, 2:5, 2:5] = True
masks[1, 5:8, 5:8] = True
masks[1, 15:24, 20:32] = True
masks[2] = rng.random((24, 32)) < 0.35
masks[3, 10, 10] = masks[3, 9, 11] = masks[3, 11, 11] = masks[3, 10, 12] = True
noise = rng.normal(size=masks.shape)
smooth = sum(np.roll(noise, (dy, dx), (1, 2)) for dy in (-1, 0, 1) for dx in (-1, 0, 1)) / 3
maps = np.round(smooth + 1.2 * masks, 2).astype(np.float32)
np.save(here / "maps.npy", maps)
np.save(here / "masks.npy", masks)
np.save(here / "regions8.npy", np.stack([label(m, connectivity=2) for m in masks]).astype(np.int32))
np.save(here / "regions4.npy", np.stack([label(m, connectivity=1) for m in masks]).astype(np.int32))
np.save(here / "maps_fortran_f8.npy", np.asfortranarray(maps.astype(np.float64)))
np.save(here / "maps_big_endian.npy", maps.astype(">f4"))

image_scores, image_labels = maps.max((1, 2)), masks.any((1, 2))
pixel = sample_metrics(maps.ravel(), masks.ravel())
image = sample_metrics(image_scores, image_labels)
golden = {
    "continuous": sample_metrics(continuous, labels),
    "tied": sample_metrics(tied, labels),
    "maps": {
        "image_auroc": image["auroc"], "pixel_auroc": pixel["auroc"],
        "aupro": pro_exact(maps, masks, 0.3),
        "image_ap": image["average_precision"], "pixel_ap": pixel["average_precision"],
        "image_f1_max": image["f1_max"], "pixel_f1_max": pixel["f1_max"],
        "regions": sum(int(label(m, connectivity=2).max()) for m in masks),
    },
    "aupro_at_limit": {str(limit): pro_exact(maps, masks, limit) for limit in (0.05, 0.3, 1.0)},
    "aupro_dfr_code": {str(limit): pro_of_dfr_code(maps, masks, limit) for limit in (0.05, 0.3)},
    "region_statistics": [[[r.label, int(r.area), *r.bbox] for r in regionprops(label(m, connectivity=2))] for m in masks],
    # Degrees of freedom, accepted false positive rate, sqrt of the quantile of the upper tail.
    "mahalanobis": [[d, p, float(np.sqrt(chi2.isf(p, d)))]
                    for d in (1, 2, 10, 272, 1792) for p in (0.5, 0.05, 1e-3, 5.733e-7)],
}
(here / "golden.json").write_text(json.dumps(golden, indent=1) + "\n")
