#!/usr/bin/python3
"""Writes the fixtures of the suite ImagingFormats with Debian's python3-pil, python3-tifffile and python3-numpy (run in this folder).

formats/FILE is an input; formats/pixels.csv holds its width, its height and the SHA-256 of its RGB bytes (HWC), which are PIL's convert('RGB')
of the file, or, where PIL does not read it exactly (16 bits, TIFF), numpy's of the array that was written. Where decoders may differ by
rounding (JPEG, lossy WebP), the bytes stand in formats/FILE.bin instead, as make.py writes them.
"""
import hashlib
import os
import struct
import zlib

import numpy as np
import tifffile
from PIL import Image, ImageCms, ImageOps

os.makedirs("formats", exist_ok=True)
os.chdir("formats")


pixels_of = {}


def expect(name, array):
    array = np.asarray(array).astype(np.uint8)
    if array.shape[2] == 1:
        array = np.repeat(array, 3, axis=2)
    height, width, channels = array.shape
    if name.endswith(".jpg") or "lossy" in name:
        with open(name + ".bin", "wb") as f:
            f.write(np.array([width, height, channels], "<i4").tobytes() + array.tobytes())
    else:
        pixels_of[name] = f"{width},{height},{hashlib.sha256(array.tobytes()).hexdigest()}"


def picture(height, width, seed):
    """Smooth colour waves and noise."""
    noise = np.random.default_rng(seed).normal(0, 12, (height, width, 3))
    y, x = np.mgrid[0:height, 0:width].astype(float)
    waves = np.stack([127 + 90 * np.sin(x / 5 + c) * np.cos(y / (4 + c)) for c in range(3)], -1)
    return np.clip(waves + noise, 0, 255).astype(np.uint8)


rng = np.random.default_rng(16)
rgb = picture(13, 19, 5)
pil = Image.fromarray(rgb)
alpha = rng.integers(0, 256, (13, 19)).astype(np.uint8)
alpha[2:6] = 0


def of_pil(name):
    expect(name, np.array(ImageOps.exif_transpose(Image.open(name)).convert("RGB")))


def chunk(name, content):
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def filtered(rows, distance, kind):
    """The five filters of PNG, section 9; rows are uint8 [rows, bytes]."""
    above, lines = np.zeros(rows.shape[1], int), []
    for i, row in enumerate(rows.astype(int)):
        a = np.concatenate([np.zeros(distance, int), row])[: len(row)]
        c = np.concatenate([np.zeros(distance, int), above])[: len(row)]
        p = a + above - c
        nearest = np.where(
            (abs(p - a) <= abs(p - above)) & (abs(p - a) <= abs(p - c)), a, np.where(abs(p - above) <= abs(p - c), above, c))
        number = i % 5 if kind == "all" else kind
        lines.append(bytes([number]) + ((row - [0, a, above, (a + above) // 2, nearest][number]) % 256).astype(np.uint8).tobytes())
        above = row
    return b"".join(lines)


PASSES = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


def packed(samples, depth):
    """Samples [rows, n] as rows of bytes, the highest bits first."""
    if depth == 16:
        return samples.astype(">u2").view(np.uint8).reshape(len(samples), -1)
    bits = (samples[:, :, None] >> np.arange(depth - 1, -1, -1)) & 1
    return np.packbits(bits.reshape(len(samples), -1).astype(np.uint8), axis=1)


def png(name, array, depth, color, chunks=(), interlaced=False, kind="all", idat=400):
    """A PNG of an array [H,W,samples], written by the specification, the data in several IDAT chunks."""
    height, width, samples = array.shape
    passes = PASSES if interlaced else [(0, 0, 1, 1)]
    data = b""
    for x, y, dx, dy in passes:
        part = array[y::dy, x::dx]
        if part.size:
            data += filtered(packed(part.reshape(len(part), -1), depth), max(1, depth * samples // 8), kind)
    data = zlib.compress(data)
    with open(name, "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, int(interlaced))))
        f.write(b"".join(chunk(n, c) for n, c in chunks))
        f.write(b"".join(chunk(b"IDAT", data[i:i + idat]) for i in range(0, len(data), idat)) + chunk(b"IEND", b""))


def rounded(array):
    """16-bit samples as the nearest of 256 values; grey three times."""
    eight = np.round(array / 257.0)
    return np.repeat(eight, 3, axis=2) if eight.shape[2] == 1 else eight


# PNG: every kind and depth, plain and interlaced.
wide = rng.integers(0, 65536, (13, 19, 4))
wide[:3, :, 0] = np.arange(3 * 19).reshape(3, 19) * 257 + 128  # where rounding turns, and one less
wide[1, :, 0] += 1
wide[2, :4] = [[0] * 4, [1] * 4, [65535] * 4, [65534] * 4]
chromaticities = struct.pack(">8I", *[31270, 32900, 64000, 33000, 21000, 71000, 15000, 6000])
for interlaced in [False, True]:
    suffix = "-interlaced" if interlaced else ""
    for depth in [1, 2, 4, 8]:
        grey = rng.integers(0, 2 ** depth, (13, 19, 1))
        colors = rng.integers(0, 256, (min(2 ** depth, 200), 3)).astype(np.uint8)
        index = rng.integers(0, len(colors), (13, 19, 1))
        for kind, array, color, chunks, pixels in [
            ("grey", grey, 0, [], np.repeat(grey * (255 // (2 ** depth - 1)), 3, axis=2)),
            ("grey-trns", grey, 0, [(b"tRNS", struct.pack(">H", 1))], np.repeat(grey * (255 // (2 ** depth - 1)), 3, axis=2)),
            ("palette", index, 3, [(b"PLTE", colors.tobytes())], colors[index[:, :, 0]]),
            ("palette-trns", index, 3, [(b"PLTE", colors.tobytes()), (b"tRNS", bytes([0, 100]))], colors[index[:, :, 0]]),
        ]:
            name = f"{kind}{depth}{suffix}.png"
            png(name, array, depth, color, chunks, interlaced)
            expect(name, pixels)
    for kind, samples, color, channels, chunks in [
        ("grey", 1, 0, 1, []),
        ("grey-trns", 1, 0, 1, [(b"tRNS", struct.pack(">H", int(wide[5, 5, 0])))]),
        ("grey-alpha", 2, 4, 1, []),
        ("rgb", 3, 2, 3, []),
        ("rgb-trns", 3, 2, 3, [(b"tRNS", struct.pack(">3H", *wide[5, 5, :3].tolist()))]),
        ("rgba", 4, 6, 3, []),
    ]:
        png(f"{kind}16{suffix}.png", wide[:, :, :samples], 16, color, chunks, interlaced)
        expect(f"{kind}16{suffix}.png", rounded(wide[:, :, :channels]))
    rgba = np.dstack([rgb, alpha])
    for kind, array, color, chunks in [
        ("grey-alpha", rgba[:, :, 2:], 4, []),
        ("rgb", rgb, 2, []),
        ("rgb-trns", rgb, 2, [(b"tRNS", struct.pack(">3H", *rgb[4, 4].tolist()))]),
        ("rgba", rgba, 6, []),
        # What a viewer would convert colours by, and we do not.
        ("rgb-gamma", rgb, 2, [(b"gAMA", struct.pack(">I", 100000)), (b"cHRM", chromaticities)]),
        ("rgb-bits", rgb, 2, [(b"sBIT", bytes([5, 6, 5]))]),
    ]:
        png(f"{kind}8{suffix}.png", array.astype(int), 8, color, chunks, interlaced)
        expect(f"{kind}8{suffix}.png", np.repeat(array[:, :, :1], 3, axis=2) if color == 4 else rgb)
for side in [1, 2, 3, 5]:
    small = wide[:side, : 6 - side, :3]
    png(f"small{side}.png", small, 16, 2, interlaced=True)
    expect(f"small{side}.png", rounded(small))
for kind in range(5):
    png(f"filter{kind}.png", wide[:, :, :3], 16, 2, kind=kind)
    expect(f"filter{kind}.png", rounded(wide[:, :, :3]))
png("all-values.png", np.arange(65536).reshape(256, 256, 1), 16, 0, kind=1)
expect("all-values.png", rounded(np.arange(65536).reshape(256, 256, 1)))
# What is wrong with this one is not a checksum.
png("index-beyond-palette.png", np.full((4, 4, 1), 3), 8, 3, [(b"PLTE", bytes(9))])
# The sRGB profile with red and blue exchanged: who heeds it, sees it.
profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
swapped = profile.replace(b"rXYZ", b"tXYZ").replace(b"bXYZ", b"rXYZ").replace(b"tXYZ", b"bXYZ")
for name in ["profile.png", "profile.jpg", "profile.webp"]:
    pil.save(name, icc_profile=swapped, **({"lossless": True} if name.endswith("webp") else {}))
    of_pil(name)

# BMP and WebP.
for name, image, options in [
    ("rgb.bmp", pil, {}),
    ("grey.bmp", pil.convert("L"), {}),
    ("palette.bmp", pil.quantize(17), {}),
    ("one-bit.bmp", pil.convert("1"), {}),
    ("alpha.bmp", Image.fromarray(np.dstack([rgb, alpha])), {}),
    ("lossless.webp", pil, {"lossless": True}),
    ("lossy.webp", pil, {"quality": 80}),
    ("alpha-lossless.webp", Image.fromarray(np.dstack([rgb, alpha])), {"lossless": True, "exact": True}),
    ("alpha-lossy.webp", Image.fromarray(np.dstack([rgb, alpha])), {"quality": 80}),
]:
    image.save(name, **options)
    of_pil(name)
pil.save("frames.webp", save_all=True, append_images=[pil.rotate(180)], lossless=True)
of_pil("frames.webp")
# A run-length BMP of 8 bits: runs and literals, as its description says.
index = np.repeat(rng.integers(0, 4, (13, 5, 1)), 4, axis=1)[:, :19, 0]
colors = rng.integers(0, 256, (256, 3)).astype(np.uint8)
rows = b""
for row in index[::-1]:
    i = 0
    while i < 19:
        n = next((k for k in range(1, 19 - i) if row[i + k] != row[i]), 19 - i)
        rows += bytes([n, row[i]])
        i += n
    rows += b"\0\0"
rows += b"\0\1"
table = np.dstack([colors[:, 2], colors[:, 1], colors[:, 0], np.zeros(256, np.uint8)]).tobytes()
with open("runs.bmp", "wb") as f:
    f.write(b"BM" + struct.pack("<IHHI", 54 + 1024 + len(rows), 0, 0, 54 + 1024))
    f.write(struct.pack("<IiiHHIIiiII", 40, 19, 13, 1, 8, 1, len(rows), 0, 0, 256, 0) + table + rows)
expect("runs.bmp", colors[index])
with open("top-down.bmp", "wb") as f:
    lines = np.zeros((13, 60), np.uint8)
    lines[:, :57] = rgb[:, :, ::-1].reshape(13, 57)
    f.write(b"BM" + struct.pack("<IHHI", 54 + lines.size, 0, 0, 54))
    f.write(struct.pack("<IiiHHIIiiII", 40, 19, -13, 1, 24, 0, lines.size, 0, 0, 0, 0) + lines.tobytes())
expect("top-down.bmp", rgb)

# JPEG: CMYK and YCCK as Adobe writes them (inverted; PIL's encoder writes the first, the second is asked for by its marker).
larger = Image.fromarray(picture(40, 56, 6))
for name, options in [("cmyk.jpg", {}), ("cmyk-progressive.jpg", {"progressive": True})]:
    larger.convert("CMYK").save(name, quality=92, **options)
    of_pil(name)
ycck = np.array(larger.convert("YCbCr"))
ink = Image.merge("CMYK", [Image.fromarray(ycck[:, :, c]) for c in range(3)] + [Image.fromarray(255 - ycck[:, :, 0] // 4)])
ink.save("ycck.jpg", quality=92)
data = open("ycck.jpg", "rb").read()
adobe = data.index(b"Adobe")
with open("ycck.jpg", "wb") as f:
    f.write(data[: adobe + 11] + b"\2" + data[adobe + 12:])
of_pil("ycck.jpg")
for name, options in [("422.jpg", {"subsampling": 1}), ("420.jpg", {"subsampling": 2}), ("grey-progressive.jpg", {"progressive": True})]:
    (larger.convert("L") if name.startswith("grey") else larger).save(name, quality=85, **options)
    of_pil(name)

# TIFF. Palettes and 16 bits are numpy's own arrays; tiles are of 16 x 16, strips of 5 rows.
photo = picture(37, 45, 7)
wide_photo = rng.integers(0, 65536, (37, 45, 3)).astype(np.uint16)
palette = rng.integers(0, 65536, (3, 256)).astype(np.uint16)
index = rng.integers(0, 256, (37, 45)).astype(np.uint8)
for layout, options in [("strips", {"rowsperstrip": 5}), ("tiles", {"tile": (16, 16)})]:
    for compression, code in [("none", None), ("deflate", "zlib")]:
        for predictor in [False] if code is None else [False, True]:
            name = f"{layout}-{compression}{'-predictor' if predictor else ''}.tif"
            for order in "<>":
                for kind, array, pixels, more in [
                    ("rgb8", photo, photo, {"photometric": "rgb"}),
                    ("rgb16", wide_photo, rounded(wide_photo), {"photometric": "rgb"}),
                    ("grey8", photo[:, :, 0], np.repeat(photo[:, :, :1], 3, axis=2), {"photometric": "minisblack"}),
                    ("grey16", wide_photo[:, :, 0], rounded(wide_photo[:, :, :1]), {"photometric": "minisblack"}),
                    ("white16", wide_photo[:, :, 0], rounded(65535.0 - wide_photo[:, :, :1]), {"photometric": "miniswhite"}),
                    ("palette8", index, palette.T[index] >> 8, {"photometric": "palette", "colormap": palette}),
                ]:
                    if order == ">" and kind not in ("rgb8", "grey16") or predictor and kind == "palette8":
                        continue
                    file = f"{kind}{'-big' if order == '>' else ''}-{name}"
                    tifffile.imwrite(
                        file, array, compression=code, predictor=predictor, byteorder=order, metadata=None, **options, **more)
                    expect(file, pixels)
    tifffile.imwrite(f"planes-{layout}.tif", photo.transpose(2, 0, 1), planarconfig="separate", photometric="rgb", metadata=None, **options)
    expect(f"planes-{layout}.tif", photo)
tifffile.imwrite("bigtiff.tif", photo, bigtiff=True, photometric="rgb", metadata=None)
expect("bigtiff.tif", photo)
tifffile.imwrite("alpha.tif", np.dstack([photo, photo[:, :, :1]]), photometric="rgb", extrasamples=["unassalpha"], metadata=None)
expect("alpha.tif", photo)
tifffile.imwrite("float.tif", photo[:, :, 0].astype(np.float32), metadata=None)
pages = np.stack([photo, photo[::-1]])
tifffile.imwrite("pages.tif", pages, photometric="rgb", metadata=None)
expect("pages.tif", photo)
for name, image, compression in [
    ("lzw.tif", Image.fromarray(photo), "tiff_lzw"),
    ("grey-lzw.tif", Image.fromarray(photo[:, :, 0]), "tiff_lzw"),
    ("packbits.tif", Image.fromarray(photo), "packbits"),
    ("one-bit.tif", Image.fromarray(photo).convert("1"), "raw"),
    ("jpeg.tif", Image.fromarray(photo), "jpeg"),
]:
    image.save(name, compression=compression)
    if name != "jpeg.tif":
        of_pil(name)

# Orientations: in PNG's eXIf, WebP's EXIF and TIFF's tag.
upright = photo[:9, :14]
for orientation in range(1, 9):
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = Image.fromarray(upright)
    image.save(f"orientation{orientation}.png", exif=exif)
    image.save(f"orientation{orientation}.webp", exif=exif, lossless=True)
    tag = (274, "H", 1, orientation, True)
    tifffile.imwrite(f"orientation{orientation}.tif", upright, photometric="rgb", metadata=None, extratags=[tag])
    of_pil(f"orientation{orientation}.png")
    of_pil(f"orientation{orientation}.webp")
    expect(f"orientation{orientation}.tif", np.array(ImageOps.exif_transpose(Image.open(f"orientation{orientation}.png"))))

# Masks: what counts is whether a sample reaches half of its type's range.
mask = np.zeros((13, 19), np.uint16)
mask[3:5, 4:9] = 1
mask[8, 2] = 255
mask[9, 3] = 65535
tifffile.imwrite("mask16.tif", mask, metadata=None)
Image.fromarray(np.minimum(mask, 255).astype(np.uint8)).save("mask.bmp")
Image.fromarray((mask > 0).astype(np.uint8) * 255).convert("RGB").save("mask-lossy.webp", quality=30)
Image.fromarray(np.minimum(mask, 255).astype(np.uint8)).convert("RGB").save("mask-lossless.webp", lossless=True)
png("mask16-interlaced.png", mask[:, :, None].astype(int), 16, 0, interlaced=True)
for name in ["mask16.tif", "mask.bmp", "mask-lossless.webp", "mask16-interlaced.png"]:
    # At least half of the type's range: of {0, 1, 255} what is 255, of {0, 1, 255, 65535} what is 65535.
    expect(name, (mask >= (32768 if "16" in name else 128))[:, :, None] * 255)

with open("pixels.csv", "w") as f:
    f.write("file,width,height,sha256\n" + "".join(f"{name},{of}\n" for name, of in pixels_of.items()))
