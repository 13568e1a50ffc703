#!/usr/bin/env python3
"""Makes the sample pictures of tests/image/data and the pixels that Pillow reads from them.

Run from the repository root (needs pillow 13, numpy, and the `vips` command with libheif for HEIC
and interlaced PNG):

    python3 tools/image/make_samples.py tests/image/data

samples.txt lists them: file, file with the expected pixels (PPM), largest difference allowed in a
channel. Lossless formats must be exact; JPEG decoders may differ by 2, colour engines by 3.
"""

import io
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, ImageOps

import icc_profiles

WIDTH, HEIGHT = 24, 16
BMP = "<IHHI"  # after "BM": file size, two reserved, offset of the pixels


class Samples:
    def __init__(self, folder):
        self.folder = folder
        self.lines = []
        self.expected = {}

    def add(self, name, data, expected, tolerance=0):
        """`expected`: an RGB picture."""
        (self.folder / name).write_bytes(data)
        ppm = b"P6\n%d %d\n255\n" % expected.size + expected.tobytes()
        if ppm not in self.expected:
            self.expected[ppm] = f"expected_{len(self.expected)}.ppm"
            (self.folder / self.expected[ppm]).write_bytes(ppm)
        self.lines.append(f"{name} {self.expected[ppm]} {tolerance}")

    def add_as_pillow(self, name, data, tolerance=0):
        self.add(name, data, as_pillow(data), tolerance)


def as_pillow(data):
    """The first frame, upright, in sRGB, on white."""
    picture = Image.open(io.BytesIO(data))
    picture.load()
    profile = picture.info.get("icc_profile")
    picture = ImageOps.exif_transpose(picture)
    if profile:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        target = ImageCms.createProfile("sRGB")
        return ImageCms.profileToProfile(picture, source, target, outputMode="RGB")
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        return Image.alpha_composite(white, picture).convert("RGB")
    return picture.convert("RGB")


def saved(picture, kind, **options):
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def scene():
    """No symmetry, smooth enough for lossy codecs, all corners different."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    planes = [x * 255 // (WIDTH - 1), y * 255 // (HEIGHT - 1), 255 - (x + y) * 255 // (WIDTH + HEIGHT - 2)]
    pixels = np.stack(planes, axis=-1).astype(np.uint8)
    pixels[2:6, 3:9] = (230, 40, 30)
    pixels[9:14, 14:22] = (20, 60, 200)
    return Image.fromarray(pixels)


def with_alpha(picture):
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    alpha = Image.fromarray((x * 255 // (WIDTH - 1)).astype(np.uint8))
    result = picture.copy()
    result.putalpha(alpha)
    return result


def orientation_exif(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def png(pixels, colour_type, depth):
    """A PNG of 16-bit samples, which Pillow cannot write for colour."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    height, width = pixels.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def add_png(samples, picture):
    samples.add_as_pillow("rgb.png", saved(picture, "PNG"))
    samples.add_as_pillow("alpha.png", saved(with_alpha(picture), "PNG"))
    samples.add_as_pillow("grey.png", saved(picture.convert("L"), "PNG"))
    samples.add_as_pillow("grey_alpha.png", saved(with_alpha(picture.convert("L")), "PNG"))
    samples.add_as_pillow("one_bit.png", saved(picture.convert("1"), "PNG"))
    palette = picture.quantize(13)
    samples.add_as_pillow("palette.png", saved(palette, "PNG"))
    samples.add_as_pillow("palette_transparent.png", saved(palette, "PNG", transparency=3))
    profile = icc_profiles.rgb(icc_profiles.DISPLAY_P3, 2.2)
    samples.add_as_pillow("display_p3.png", saved(picture, "PNG", icc_profile=profile), 3)

    low = np.arange(HEIGHT * WIDTH * 4).reshape(HEIGHT, WIDTH, 4) * 37 % 256
    wide = np.array(with_alpha(picture)).astype(np.uint16) * 256 + low.astype(np.uint16)
    samples.add("rgb16.png", png(wide[..., :3], 2, 16), picture)
    samples.add("alpha16.png", png(wide, 6, 16), as_pillow(saved(with_alpha(picture), "PNG")))
    grey = Image.fromarray(np.array(picture)[..., 0])
    samples.add("grey16.png", png(wide[..., 0], 0, 16), grey.convert("RGB"))
    samples.add("interlaced.png", by_vips(picture, ".png[interlace]"), picture)


def by_vips(picture, suffix):
    name = suffix.partition("[")[0]
    source, target = Path("sample_source.png"), Path("sample_target" + name)
    try:
        picture.save(source)
        subprocess.run(["vips", "copy", source, "sample_target" + suffix], check=True)
        return target.read_bytes()
    finally:
        source.unlink()
        target.unlink()


def add_jpeg(samples, picture):
    for orientation in range(1, 9):
        data = saved(picture, "JPEG", quality=92, subsampling=0, exif=orientation_exif(orientation))
        samples.add_as_pillow(f"orientation_{orientation}.jpg", data, 2)
    samples.add_as_pillow("grey.jpg", saved(picture.convert("L"), "JPEG", quality=92), 2)
    samples.add_as_pillow("progressive.jpg", saved(picture, "JPEG", progressive=True, subsampling=0), 2)
    cmyk = picture.convert("CMYK")
    pixels = np.array(cmyk)
    pixels[..., 3] = np.arange(WIDTH) * 5
    cmyk = Image.fromarray(pixels, "CMYK")
    samples.add_as_pillow("cmyk.jpg", saved(cmyk, "JPEG", quality=95, subsampling=0), 2)
    data = saved(cmyk, "JPEG", quality=95, subsampling=0, icc_profile=icc_profiles.cmyk())
    # Pillow and libvips map the black of such a profile a little differently.
    samples.add_as_pillow("cmyk_profile.jpg", data, 6)
    profile = icc_profiles.rgb(icc_profiles.ADOBE_RGB, 2.19921875)
    data = saved(picture, "JPEG", quality=92, subsampling=0, icc_profile=profile)
    samples.add_as_pillow("adobe_rgb.jpg", data, 3)
    data = saved(picture.convert("L"), "JPEG", quality=92, icc_profile=icc_profiles.grey(1.8))
    samples.add_as_pillow("grey_profile.jpg", data, 3)
    data = saved(picture, "JPEG", quality=92, subsampling=0, icc_profile=b"not a profile" * 20)
    plain = saved(picture, "JPEG", quality=92, subsampling=0)
    samples.add("broken_profile.jpg", data, as_pillow(plain), 2)


def add_webp_heic(samples, picture):
    other = ImageOps.invert(picture)
    samples.add_as_pillow("lossless.webp", saved(picture, "WEBP", lossless=True))
    samples.add_as_pillow("lossy.webp", saved(picture, "WEBP", quality=90), 2)
    samples.add_as_pillow("alpha.webp", saved(with_alpha(picture), "WEBP", lossless=True, exact=True))
    data = saved(picture, "WEBP", lossless=True, save_all=True, append_images=[other], duration=100)
    samples.add_as_pillow("animated.webp", data)
    samples.add_as_pillow("turned.webp", saved(picture, "WEBP", lossless=True, exif=orientation_exif(6)))
    # Pillow has no HEIC: the source itself is what must come back, within the colour transform.
    samples.add("lossless.heic", by_vips(picture, ".heic[lossless,subsample-mode=off]"), picture, 4)
    data = saved(picture, "AVIF", quality=95, subsampling="4:4:4", speed=0)
    samples.add_as_pillow("picture.avif", data, 2)
    data = saved(picture, "AVIF", quality=95, subsampling="4:4:4", speed=0, exif=orientation_exif(6))
    samples.add_as_pillow("turned.avif", data, 2)


def add_tiff_gif(samples, picture):
    other = ImageOps.invert(picture)
    data = saved(picture, "TIFF", compression="tiff_lzw", save_all=True, append_images=[other])
    samples.add_as_pillow("pages.tiff", data)
    samples.add_as_pillow("alpha.tiff", saved(with_alpha(picture), "TIFF"))
    samples.add_as_pillow("turned.tiff", saved(picture, "TIFF", tiffinfo={274: 8}))
    samples.add_as_pillow("cmyk.tiff", saved(picture.convert("CMYK"), "TIFF"), 1)
    samples.add_as_pillow("one_bit.tiff", saved(picture.convert("1"), "TIFF", compression="group4"))
    samples.add_as_pillow("jpeg.tiff", saved(picture, "TIFF", compression="jpeg", quality=95), 3)
    palette = picture.quantize(13)
    samples.add_as_pillow("picture.gif", saved(palette, "GIF"))
    data = saved(palette, "GIF", save_all=True, append_images=[other.quantize(13)], duration=100)
    samples.add_as_pillow("animated.gif", data)
    samples.add_as_pillow("transparent.gif", saved(palette, "GIF", transparency=2))


def bmp(width, height, bits, pixels, *, compression=0, palette=b"", after=b"", header_size=40, used=0):
    """`after`: what stands between the 40 bytes of BITMAPINFOHEADER and the palette."""
    if header_size == 12:
        header = struct.pack("<IHHHH", 12, width, height, 1, bits)
    else:
        numbers = (header_size, width, height, 1, bits, compression, len(pixels), 2835, 2835, used, 0)
        header = struct.pack("<IiiHHIIiiII", *numbers)
    start = header + after + palette
    offset = 14 + len(start)
    return b"BM" + struct.pack(BMP, offset + len(pixels), 0, 0, offset) + start + pixels


def bmp_rows(rows):
    """Rows from the bottom, each padded to four bytes."""
    return b"".join(row + bytes(-len(row) % 4) for row in reversed(rows))


def run_lengths(rows, nibbles):
    """Runs where three are equal, else five literal pixels; rows from the bottom."""
    out = b""
    for row in reversed(rows):
        at = 0
        while at < len(row):
            run = 1
            while at + run < len(row) and run < 255 and row[at + run] == row[at]:
                run += 1
            literal = row[at : at + 5]
            if run < 3 and len(literal) == 5:
                if nibbles:
                    literal = bytes(a << 4 | b for a, b in zip(literal[::2], literal[1::2] + b"\0"))
                out += bytes([0, 5]) + literal + bytes(-len(literal) % 2)
                at += 5
                continue
            out += bytes([run, row[at] * 17 if nibbles else row[at]])
            at += run
        out += b"\0\0"
    return out + b"\0\1"


def add_bmp(samples, picture):
    # 23 columns: rows that need padding, and a last byte half used.
    rgba = with_alpha(picture).crop((0, 0, 23, HEIGHT))
    picture = picture.crop((0, 0, 23, HEIGHT))
    array = np.array(picture)
    size = picture.size
    samples.add_as_pillow("24.bmp", saved(picture, "BMP"))
    samples.add_as_pillow("1.bmp", saved(picture.convert("1"), "BMP"))
    few = picture.quantize(13)
    indices = np.array(few)
    table = bytes(few.getpalette()[: 13 * 3])
    entries = [table[i : i + 3][::-1] for i in range(0, 39, 3)]
    colours = b"".join(entry + b"\0" for entry in entries)
    padded = np.pad(indices, ((0, 0), (0, 1)))
    rows4 = [bytes(row[::2] << 4 | row[1::2]) for row in padded]
    rows8 = [bytes(row) for row in indices]
    samples.add_as_pillow("8.bmp", bmp(*size, 8, bmp_rows(rows8), palette=colours, used=13))
    samples.add_as_pillow("4.bmp", bmp(*size, 4, bmp_rows(rows4), palette=colours, used=13))
    core = bmp(*size, 8, bmp_rows(rows8), palette=b"".join(entries) + bytes(3 * 243), header_size=12)
    samples.add_as_pillow("core.bmp", core)
    data = bmp(*size, 8, run_lengths(rows8, False), compression=1, palette=colours, used=13)
    samples.add("rle8.bmp", data, few.convert("RGB"))
    data = bmp(*size, 4, run_lengths(rows8, True), compression=2, palette=colours, used=13)
    samples.add("rle4.bmp", data, few.convert("RGB"))

    five = array.astype(np.uint16) * 31 // 255
    rows = [(row[:, 0] << 10 | row[:, 1] << 5 | row[:, 2]).astype("<u2").tobytes() for row in five]
    samples.add_as_pillow("555.bmp", bmp(*size, 16, bmp_rows(rows)), 1)
    six = array[..., 1].astype(np.uint16) * 63 // 255
    pixels = five[..., 0] << 11 | six << 5 | five[..., 2]
    rows = [row.astype("<u2").tobytes() for row in pixels]
    masks = struct.pack("<III", 0xF800, 0x07E0, 0x001F)
    samples.add_as_pillow("565.bmp", bmp(*size, 16, bmp_rows(rows), compression=3, after=masks), 1)
    rows = [np.dstack([row[None, :, ::-1], row[None, :, :1]]).tobytes() for row in array]
    samples.add("32.bmp", bmp(*size, 32, bmp_rows(rows)), picture)
    upside = bmp(size[0], -size[1], 32, b"".join(rows))
    samples.add("top_down.bmp", upside, picture)

    masks = struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    rest = masks + b"BGRs" + bytes(48)  # BITMAPV4HEADER
    bgra = np.array(rgba)[..., [2, 1, 0, 3]]
    rows = [row.tobytes() for row in bgra]
    data = bmp(*size, 32, bmp_rows(rows), compression=3, after=rest, header_size=108)
    samples.add_as_pillow("alpha.bmp", data)
    bgra[..., 3] = 0
    rows = [row.tobytes() for row in bgra]
    data = bmp(*size, 32, bmp_rows(rows), compression=3, after=rest, header_size=108)
    samples.add("alpha_unused.bmp", data, rgba.convert("RGB"))


def main():
    folder = Path(sys.argv[1])
    for old in folder.glob("expected_*.ppm"):
        old.unlink()
    samples = Samples(folder)
    picture = scene()
    add_png(samples, picture)
    add_jpeg(samples, picture)
    add_webp_heic(samples, picture)
    add_tiff_gif(samples, picture)
    add_bmp(samples, picture)
    (folder / "samples.txt").write_text("\n".join(samples.lines) + "\n")


if __name__ == "__main__":
    main()
