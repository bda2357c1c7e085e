#!/usr/bin/python3
"""Adds OpenCV's times to what `scripts/bench.sh filters` has measured: time_opencv.py results/bench/filters.json

For every figure of ours it measures the same operation of Debian's python3-opencv on a picture of the same size and kind, on one
thread, and writes OpenCV's milliseconds and the ratio beside ours. Both sides take the shortest processor time of many calls, so that
other work on the machine falls on neither. Run it right after the benchmark, on the same machine.
"""
import json
import sys
import time

import cv2
import numpy as np

from filters import brightness_contrast, clahe, emboss, shift_hsv, shift_scale_rotate, sharpen

WARM, ROUNDS = 40, 60

diagonal = np.zeros((7, 7), np.float32)
np.fill_diagonal(diagonal[:5, :5], 0.2)
random = np.random.default_rng(1)


def noise(image, per_channel):
    drawn = np.empty(image.shape if per_channel else image.shape[:2], np.int16)
    cv2.randn(drawn, 0, 5)
    return cv2.add(image, drawn if per_channel else cv2.merge([drawn] * 3), dtype=cv2.CV_8U)


OPERATIONS = {
    "median 3 x 3": lambda image: cv2.medianBlur(image, 3),
    "mean 3 x 3": lambda image: cv2.blur(image, (3, 3)),
    "motion blur of 5 of 7 x 7": lambda image: cv2.filter2D(image, -1, diagonal),
    "sharpen": lambda image: cv2.filter2D(image, -1, sharpen),
    "emboss": lambda image: cv2.filter2D(image, -1, emboss),
    "CLAHE on lightness": clahe,
    "HSV shift": lambda image: shift_hsv(image, 7, 5, -9),
    "brightness and contrast": brightness_contrast,
    "noise per channel": lambda image: noise(image, True),
    "noise shared by channels": lambda image: noise(image, False),
    "flip": lambda image: cv2.flip(image, 1),
    "quarter turn": lambda image: cv2.rotate(image, cv2.ROTATE_90_COUNTERCLOCKWISE),
    "half turn": lambda image: cv2.rotate(image, cv2.ROTATE_180),
    "shift, scale and rotate": lambda image: shift_scale_rotate(image, 12, 1.05, 0.04, -0.03),
    "resize to 224 x 224": lambda image: cv2.resize(image, (224, 224), interpolation=cv2.INTER_LINEAR),
    "resize to 380 x 380": lambda image: cv2.resize(image, (380, 380), interpolation=cv2.INTER_LINEAR),
}


def measure(side):
    image = cv2.blur(random.integers(0, 256, (side, side, 3)).astype(np.uint8), (3, 3))
    best = dict.fromkeys(OPERATIONS, float("inf"))
    for _ in range(WARM + ROUNDS):
        for name, apply in OPERATIONS.items():
            before = time.process_time()
            apply(image)
            best[name] = min(best[name], time.process_time() - before)
    return {f"{name}, {side} x {side}": 1000 * seconds for name, seconds in best.items()}


if __name__ == "__main__":
    path = sys.argv[1]
    cv2.setNumThreads(1)
    with open(path) as file:
        report = json.load(file)
    ours = {one["name"]: one["value"] for one in report["measurements"] if one["unit"] == "ms" and not one["name"].endswith(", OpenCV")}
    theirs = {**measure(900), **measure(256)}
    assert ours.keys() == theirs.keys(), ours.keys() ^ theirs.keys()
    report["opencv"] = cv2.__version__
    report["measurements"] = [
        {"name": name + suffix, "value": value, "unit": unit}
        for name in ours
        for suffix, value, unit in [
            ("", ours[name], "ms"), (", OpenCV", theirs[name], "ms"),
            (", ours against OpenCV", ours[name] / theirs[name], "times OpenCV's time")]
    ]
    with open(path, "w") as file:
        file.write(json.dumps(report, indent=2, ensure_ascii=False) + "\n")
    for name in ours:
        print(f"{name:38} ours {ours[name]:8.3f} ms, OpenCV {theirs[name]:8.3f} ms, ratio {ours[name] / theirs[name]:5.2f}")
