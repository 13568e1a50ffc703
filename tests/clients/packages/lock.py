"""Writes the lists of Python packages beside this file: versions, and hashes of their wheels.

python3 -m venv /tmp/uv && /tmp/uv/bin/pip install uv
/tmp/uv/bin/python tests/clients/packages/lock.py    # Python 3.11 or later
"""

import pathlib
import re
import subprocess
import sys
import tomllib

LISTS = {
    "today": ["anthropic==2.14.0", "langchain-openai==1.7.4", "mcp==2.3.0", "ollama==0.6.3",
              "openai==3.57.0"],
    # The major before; MCP's SDK that knows only the first era of the protocol. Packages that they
    # share with those of today are not listed again.
    "earlier": ["mcp==1.30.0", "openai==2.54.0"],
    "schemathesis": ["schemathesis==4.32.5"],
}
HERE = pathlib.Path(__file__).resolve().parent
UV = pathlib.Path(sys.executable).parent / "uv"
# CPython 3.11 to 3.14 on Linux (glibc) and on Macs with Apple Silicon.
WHEEL = re.compile(r"-(py3|py2\.py3|cp31[1-4]-cp31[1-4]|cp3\d+-abi3)(-none)?"
                   r"-(any|.*manylinux.*_(x86_64|aarch64)|macosx.*_(arm64|universal2))\.whl$")


def lock(wanted, constraints):
    lines = ["-c /dev/stdin"] + wanted
    (HERE / "wanted.in").write_text("\n".join(lines) + "\n")
    try:
        text = subprocess.run(
            [UV, "pip", "compile", "--quiet", "--format", "pylock.toml", "--universal",
             "--python-version", "3.11", "--no-build", HERE / "wanted.in"],
            input="\n".join(constraints), text=True, capture_output=True, check=True).stdout
    finally:
        (HERE / "wanted.in").unlink()
    packages = {}
    for package in tomllib.loads(text)["packages"]:
        marker = package.get("marker", "")
        if "sys_platform == 'win32'" in marker or "sys_platform == 'emscripten'" in marker:
            continue
        hashes = [wheel["hashes"]["sha256"] for wheel in package["wheels"]
                  if WHEEL.search(wheel["url"])]
        packages[f"{package['name']}=={package['version']}"] = sorted(hashes)
    return packages


today = {}
for name, wanted in LISTS.items():
    names = {one.split("==")[0] for one in wanted}
    packages = lock(wanted, [one for one in today if one.split("==")[0] not in names])
    if name == "today":
        today = packages
    with open(HERE / f"{name}.txt", "w") as file:
        for package, hashes in packages.items():
            if name != "earlier" or package not in today:
                lines = [package, *(f"    --hash=sha256:{one}" for one in hashes)]
                file.write(" \\\n".join(lines) + "\n")
