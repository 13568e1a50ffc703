"""Writes the picture of the READMEs: what oko prints about two pictures of demo/.

    python3 tools/readme/make_picture.py build/release/oko > docs/oko.svg

Runs the commands that it shows. tests/repo/readme_test.cpp compares its output with docs/oko.svg.
"""

import base64
import os
import pathlib
import subprocess
import sys
from xml.sax.saxutils import escape

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEMO = ROOT / "demo"
MODEL = DEMO / "models/tiny-vl"
WIDTH, LINE, TOP = 760, 24, 52
LEFT = 330  # of the text

# Picture in demo/, its width in the figure, and the commands as they are shown, with what is added
# when they run.
PANELS = [
    ("images/stars.png", 270, [
        ("oko describe stars.png", ["--model", MODEL, "--ocr", "off"], None),
        ("oko describe stars.png --lang ru", ["--model", MODEL, "--ocr", "off"], None),
    ]),
    ("pages/receipt.png", 150, [
        ("oko ocr receipt.png", [], 7),
    ]),
]


def output(program: str, picture: pathlib.Path, command: str, options: list, most: int | None):
    words = [str(picture) if word == picture.name else word for word in command.split()[1:]]
    environment = dict(os.environ, LC_ALL="C", OKO_DEVICE="cpu")
    lines = subprocess.run([program, *words, *map(str, options)], check=True, text=True,
                           stdout=subprocess.PIPE, env=environment).stdout.splitlines()
    return [line for line in lines if line][:most] + (["…"] if most else [])


def picture_size(data: bytes):
    return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")  # of a PNG


def panel(program: str, y: int, name: str, width: int, commands: list):
    """The drawing of a picture beside its commands, and where it ends."""
    path = DEMO / name
    data = path.read_bytes()
    full_width, full_height = picture_size(data)
    height = width * full_height // full_width
    x = 30 + (270 - width) // 2
    parts = [f'<image x="{x}" y="{y}" width="{width}" height="{height}" '
             f'href="data:image/png;base64,{base64.b64encode(data).decode()}"/>',
             f'<rect class="frame" x="{x}" y="{y}" width="{width}" height="{height}"/>']
    line = y + 18
    for shown, options, most in commands:
        parts.append(f'<text class="command" x="{LEFT}" y="{line}">$ {escape(shown)}</text>')
        for text in output(program, path, shown, options, most):
            line += LINE
            parts.append(f'<text x="{LEFT}" y="{line}">{escape(text)}</text>')
        line += LINE + 14
    return parts, max(y + height, line - LINE) + 26


def main():
    program = sys.argv[1]
    parts, y = [], TOP
    for name, width, commands in PANELS:
        drawn, y = panel(program, y, name, width, commands)
        parts += drawn
    print(f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" role="img"
  aria-labelledby="t" font-family="ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
  font-size="16">
  <title id="t">oko describes a picture of three stars and reads a receipt</title>
  <style>
    text {{ fill: #c9d1d9; white-space: pre }} .command {{ fill: #7ee787 }}
    .frame {{ fill: none; stroke: #30363d }}
  </style>
  <rect width="{WIDTH}" height="{y}" rx="10" fill="#0d1117"/>
  <circle cx="24" cy="22" r="6" fill="#ff5f57"/><circle cx="44" cy="22" r="6" fill="#febc2e"/>
  <circle cx="64" cy="22" r="6" fill="#28c840"/>""")
    for part in parts:
        print("  " + part)
    print("</svg>")


main()
