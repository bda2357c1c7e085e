#!/usr/bin/python3
"""Writes filters.bin with Debian's python3-opencv (run in this folder): OpenCV's results for the augmentation's filters at many sizes.

filters.bin is a row of records: the length of a name, the name ("OPERATION WIDTHxHEIGHTxCHANNELS"), width, height and channels as
little-endian int32, then HWC bytes. A size's "input" comes before its results.
"""
import cv2
import numpy as np

# One pixel, one row, one column; sides below and above a vector's length; both, one or no side a multiple of CLAHE's 8 tiles.
SIZES = [(1, 1), (5, 1), (1, 5), (2, 2), (3, 8), (8, 8), (8, 9), (9, 8), (7, 16), (16, 7), (16, 16), (17, 13), (16, 24), (33, 11), (40, 25)]
CLAHE_SIZES = [(64, 61), (61, 64)]

motion = np.zeros((5, 5), np.float32)
for x, y in [(0, 1), (1, 1), (2, 2), (3, 2), (4, 3)]:
    motion[y, x] = 0.2
identity = np.array([[0, 0, 0], [0, 1, 0], [0, 0, 0]])
sharpen = ((1 - 0.4) * identity + 0.4 * np.array([[-1, -1, -1], [-1, 8 + 0.8, -1], [-1, -1, -1]])).astype(np.float32)
emboss = ((1 - 0.3) * identity + 0.3 * np.array([[-1 - 0.5, -0.5, 0], [-0.5, 1, 0.5], [0, 0.5, 1 + 0.5]])).astype(np.float32)


def clahe(image):
    equalise = cv2.createCLAHE(clipLimit=2.0, tileGridSize=(8, 8)).apply
    if image.ndim == 2:
        return equalise(image)
    lab = cv2.cvtColor(image, cv2.COLOR_RGB2LAB)
    lab[:, :, 0] = equalise(lab[:, :, 0])
    return cv2.cvtColor(lab, cv2.COLOR_LAB2RGB)


def shift_hsv(image, hue, saturation, value):
    steps = np.arange(256)
    tables = [np.mod(steps + hue, 180), np.clip(steps + saturation, 0, 255), np.clip(steps + value, 0, 255)]
    planes = cv2.split(cv2.cvtColor(image, cv2.COLOR_RGB2HSV))
    return cv2.cvtColor(cv2.merge([cv2.LUT(p, t.astype(np.uint8)) for p, t in zip(planes, tables)]), cv2.COLOR_HSV2RGB)


def brightness_contrast(image):
    return cv2.LUT(image, np.clip(np.arange(256, dtype=np.float32) * (1 - 0.17) + 0.13 * 255, 0, 255).astype(np.uint8))


def shift_scale_rotate(image, degrees, scale, shift_x, shift_y):
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, scale)
    matrix[0, 2] += shift_x * width
    matrix[1, 2] += shift_y * height
    return cv2.warpAffine(image, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)


def results(image):
    yield "median", cv2.medianBlur(image, 3)
    yield "mean", cv2.blur(image, (3, 3))
    yield "motion", cv2.filter2D(image, -1, motion)
    yield "sharpen", cv2.filter2D(image, -1, sharpen)
    yield "emboss", cv2.filter2D(image, -1, emboss)
    yield "clahe", clahe(image)
    yield "brightness", brightness_contrast(image)
    yield "flip", cv2.flip(image, 1)
    for quarters in 1, 2, 3:
        yield f"turn{quarters}", np.rot90(image, quarters)
    yield "warp", shift_scale_rotate(image, 12, 1.05, 0.04, -0.03)
    yield "warp-back", shift_scale_rotate(image, -43.3, 0.951, -0.047, 0.013)
    yield "resize-small", cv2.resize(image, (6, 7), interpolation=cv2.INTER_LINEAR)
    yield "resize-large", cv2.resize(image, (35, 21), interpolation=cv2.INTER_LINEAR)
    if image.ndim == 3:
        yield "hsv", shift_hsv(image, 7, 5, -9)
        yield "hsv-back", shift_hsv(image, -10, -30, 20)
        yield "lab", cv2.cvtColor(image, cv2.COLOR_RGB2LAB)
        yield "lab-back", cv2.cvtColor(image, cv2.COLOR_LAB2RGB)


def picture(width, height, channels):
    """Waves, a flat patch, a white column and noise: what filters find easy and hard."""
    rng = np.random.default_rng([width, height, channels])
    y, x = np.mgrid[0:height, 0:width].astype(float)
    waves = np.stack([127 + 90 * np.sin(x / 5 + c) * np.cos(y / (4 + c)) for c in range(channels)], -1)
    waves[height // 3: height // 2, width // 4: width // 2] = [250, 10, 60][:channels]
    waves[:, 3 * width // 4] = 255
    noisy = np.clip(waves + rng.normal(0, 12, waves.shape), 0, 255).astype(np.uint8)
    return noisy if channels == 3 else noisy[:, :, 0]


def record(name, image):
    image = np.ascontiguousarray(image[:, :, None] if image.ndim == 2 else image)
    size = np.array([image.shape[1], image.shape[0], image.shape[2]], "<i4").tobytes()
    return len(name).to_bytes(4, "little") + name.encode() + size + image.tobytes()


def records():
    for width, height in SIZES + CLAHE_SIZES:
        for channels in 1, 3:
            size = f"{width}x{height}x{channels}"
            image = picture(width, height, channels)
            yield record(f"input {size}", image)
            for name, result in results(image):
                if (width, height) in SIZES or name == "clahe":
                    yield record(f"{name} {size}", result)


if __name__ == "__main__":
    cv2.setNumThreads(1)
    with open("filters.bin", "wb") as file:
        file.writelines(records())
