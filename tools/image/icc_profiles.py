"""Small ICC profiles written from their published numbers, for tools/image/make_samples.py."""

import struct

D50 = (0.9642, 1.0, 0.8249)
ADOBE_RGB = [(0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457)]
DISPLAY_P3 = [(0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407)]


def fixed(value):
    return struct.pack(">i", round(value * 65536))


def xyz(values):
    return b"XYZ \0\0\0\0" + b"".join(map(fixed, values))


def gamma(value):
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(value * 256))


def text(value):
    return b"text\0\0\0\0" + value + b"\0"


def description(value):
    return b"desc\0\0\0\0" + struct.pack(">I", len(value) + 1) + value + b"\0" + bytes(78)


def profile(kind, space, connection, tags):
    tags = [(b"desc", description(b"oko test")), (b"cprt", text(b"CC0")), (b"wtpt", xyz(D50)), *tags]
    offset = 128 + 4 + 12 * len(tags)
    table, body = struct.pack(">I", len(tags)), b""
    for name, data in tags:
        table += name + struct.pack(">II", offset + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    size = offset + len(body)
    header = struct.pack(">I4sI4s4s4s12s4s", size, b"", 0x02100000, kind, space, connection, b"", b"acsp")
    header += bytes(28) + b"".join(map(fixed, D50))
    return header + bytes(128 - len(header)) + table + body


def rgb(primaries, exponent):
    curve = gamma(exponent)
    tags = [(name, xyz(values)) for name, values in zip((b"rXYZ", b"gXYZ", b"bXYZ"), primaries)]
    tags += [(name, curve) for name in (b"rTRC", b"gTRC", b"bTRC")]
    return profile(b"mntr", b"RGB ", b"XYZ ", tags)


def grey(exponent):
    return profile(b"mntr", b"GRAY", b"XYZ ", [(b"kTRC", gamma(exponent))])


def cmyk():
    """Pale inks, all within sRGB: 16 corners in Lab, linear between."""
    corners = {
        (0, 0, 0): (95, 0, 0), (1, 0, 0): (62, -15, -24), (0, 1, 0): (52, 37, -2),
        (0, 0, 1): (85, -3, 46), (1, 1, 0): (40, 11, -23), (1, 0, 1): (55, -32, 14),
        (0, 1, 1): (50, 34, 24), (1, 1, 1): (30, 0, 0),
    }  # fmt: skip
    table = b""
    for index in range(16):
        c, m, y, k = (index >> 3 & 1, index >> 2 & 1, index >> 1 & 1, index & 1)
        light, a, b = corners[c, m, y]
        light, a, b = (light * 0.3, 0, 0) if k else (light, a, b)
        table += bytes([round(light * 2.55), a + 128, b + 128])
    identity = bytes(range(256))
    matrix = b"".join(fixed(value) for value in (1, 0, 0, 0, 1, 0, 0, 0, 1))
    lut = b"mft1\0\0\0\0" + bytes([4, 3, 2, 0]) + matrix + identity * 4 + table + identity * 3
    return profile(b"prtr", b"CMYK", b"Lab ", [(b"A2B0", lut)])
