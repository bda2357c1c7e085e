#!/usr/bin/python3
"""Writes the fixtures of the Imaging suites with Debian's python3-pil and python3-opencv (run in this folder).

FILE.png and FILE.jpg are inputs; FILE.bin holds the expected pixels: width, height, channels as little-endian int32, then HWC bytes.
resize-KIND-WxH.bin is source.png at another size. augment-*.bin are OpenCV's results for single augmentations of source.png.
"""
import numpy as np
import cv2
from PIL import Image, ImageOps


def expect(name, array):
    array = np.ascontiguousarray(array)
    array = array[:, :, None] if array.ndim == 2 else array
    with open(name + ".bin", "wb") as f:
        f.write(np.array([array.shape[1], array.shape[0], array.shape[2]], "<i4").tobytes() + array.astype(np.uint8).tobytes())


def picture(height, width, seed):
    """Smooth colour waves, sharp edges and noise: what resizing and JPEG find easy and hard."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width].astype(float)
    waves = np.stack([127 + 90 * np.sin(x / 5 + c) * np.cos(y / (4 + c)) for c in range(3)], -1)
    waves[height // 3: height // 2, width // 4: width // 2] = [250, 10, 60]
    waves[:, 3 * width // 4] = 255
    return np.clip(waves + rng.normal(0, 12, waves.shape), 0, 255).astype(np.uint8)


source = picture(47, 61, 1)
Image.fromarray(source).save("source.png")
small = picture(16, 24, 2)
pil = Image.fromarray(small)

# Kinds of PNG.
for name, image in {
    "rgba": Image.merge("RGBA", [*pil.split(), Image.linear_gradient("L").resize(pil.size)]),
    "grey": pil.convert("L"),
    "grey-alpha": pil.convert("LA"),
    "one-bit": pil.convert("1"),
    "palette": pil.quantize(13),
}.items():
    image.save(name + ".png", **({"transparency": 3} if name == "palette" else {}))
    expect(name, np.array(Image.open(name + ".png").convert("RGB")))
wide = (small.astype(np.uint16) * 257 - np.uint16(100) * (small > 0))
cv2.imwrite("rgb16.png", wide[:, :, ::-1])
expect("rgb16", np.round(wide / 257.0))
Image.fromarray(wide[:, :, 0]).save("grey16.png")
expect("grey16", np.repeat(np.round(wide[:, :, :1] / 257.0), 3, axis=2))
expect("luma", np.array(pil.convert("L")))
pil.save("rgb.png")

# Masks: what counts is whether a pixel is zero.
mask = np.zeros((16, 24), np.uint16)
mask[4:9, 6:15] = 1
mask[11, 20] = 65535
Image.fromarray(mask).save("mask16.png")
Image.fromarray(mask.astype(np.uint8) & 1).save("mask1.png")
expect("mask16", (mask >= 32768) * 255)
expect("mask1", ((mask & 1) > 0) * 255)

# Kinds of JPEG.
for name, image, options in [
    ("photo", pil, {"quality": 90}),
    ("progressive", pil, {"quality": 80, "progressive": True}),
    ("photo-444", pil, {"quality": 95, "subsampling": 0}),
    ("photo-grey", pil.convert("L"), {"quality": 90}),
    ("cmyk", pil.convert("CMYK"), {"quality": 95}),
]:
    image.save(name + ".jpg", **options)
    expect(name, np.array(Image.open(name + ".jpg").convert("RGB")))
for orientation in range(1, 9):
    name = f"orientation-{orientation}"
    exif = Image.Exif()
    exif[0x0112] = orientation
    pil.convert("L").save(name + ".jpg", quality=90, exif=exif)
    expect(name, np.array(ImageOps.exif_transpose(Image.open(name + ".jpg")).convert("RGB")))

# Resizing. Pairs of sizes that shrink, grow, mix both, halve exactly and keep one side.
for width, height in [(32, 32), (17, 90), (100, 20), (61, 20), (122, 94), (7, 5), (1, 1)]:
    name = f"{width}x{height}"
    image = Image.fromarray(source)
    expect("resize-Nearest-" + name, np.array(image.resize((width, height), Image.NEAREST)))
    expect("resize-Bilinear-" + name, cv2.resize(source, (width, height), interpolation=cv2.INTER_LINEAR))
    expect("resize-BilinearAntialias-" + name, np.array(image.resize((width, height), Image.BILINEAR)))
even = picture(48, 60, 3)
Image.fromarray(even).save("even.png")
expect("halved", cv2.resize(even, (30, 24), interpolation=cv2.INTER_LINEAR))

# Single augmentations, as albumentations computes them with OpenCV.
expect("augment-blur", cv2.blur(source, (3, 3)))
expect("augment-median", cv2.medianBlur(source, 3))
kernel = np.zeros((5, 5), np.uint8)
cv2.line(kernel, (0, 1), (4, 3), 1)
expect("augment-motion", cv2.filter2D(source, -1, kernel.astype(np.float32) / kernel.sum()))
sharpen = (1 - 0.4) * np.array([[0, 0, 0], [0, 1, 0], [0, 0, 0]], np.float32) + 0.4 * np.array(
    [[-1, -1, -1], [-1, 8 + 0.8, -1], [-1, -1, -1]], np.float32)
expect("augment-sharpen", cv2.filter2D(source, -1, sharpen))
emboss = (1 - 0.3) * np.array([[0, 0, 0], [0, 1, 0], [0, 0, 0]], np.float32) + 0.3 * np.array(
    [[-1 - 0.5, 0 - 0.5, 0], [0 - 0.5, 1, 0 + 0.5], [0, 0 + 0.5, 1 + 0.5]], np.float32)
expect("augment-emboss", cv2.filter2D(source, -1, emboss))
lab = cv2.cvtColor(even, cv2.COLOR_RGB2LAB)
expect("lab", lab)
expect("lab-back", cv2.cvtColor(lab, cv2.COLOR_LAB2RGB))
large = picture(64, 96, 4)
Image.fromarray(large).save("large.png")
expect("augment-clahe-grey", cv2.createCLAHE(clipLimit=2.0, tileGridSize=(8, 8)).apply(large[:, :, 0]))
hue, saturation, value = cv2.split(cv2.cvtColor(source, cv2.COLOR_RGB2HSV))
hue = ((hue.astype(int) + 7) % 180).astype(np.uint8)
value = np.clip(value.astype(int) - 9, 0, 255).astype(np.uint8)
expect("augment-hue-value", cv2.cvtColor(cv2.merge([hue, saturation, value]), cv2.COLOR_HSV2RGB))
height, width = source.shape[:2]
matrix = cv2.getRotationMatrix2D((width / 2, height / 2), 12, 1.05)
matrix[0, 2] += 0.04 * width
matrix[1, 2] += -0.03 * height
expect("augment-affine", cv2.warpAffine(source, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101))
