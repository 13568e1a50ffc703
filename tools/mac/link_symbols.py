"""Compares what a linked program asks of libraries that have no build for macOS here with what they have on Linux:

    python link_symbols.py PROGRAM PREFIX REPORT

A name in C must be exported by the library of the same name. A name in C++ is read aloud first (c++filt): the
standard library's names are spelt alike, and 64-bit integers too, which are `long` here and `long long` there.
Names that no library has are printed, and fail the comparison. What was found is written to PREFIX/linked as lists
of symbols (.tbd), for a link that leaves nothing open, and to REPORT.
"""

import re
import subprocess
import sys
from pathlib import Path

from macho import MachO


def output(*command: str, text: str | None = None) -> list[str]:
    return subprocess.run(command, check=True, capture_output=True, text=True, input=text).stdout.splitlines()


def demangled(names: list[str]) -> list[str]:
    return output("c++filt", text="\n".join(names)) if names else []


def spelt_alike(name: str) -> str:
    name = re.sub(r"\[abi:\w+\]", "", name).replace("std::__cxx11::", "std::").replace("std::__1::", "std::")
    name = name.replace("std::__fs::filesystem::", "std::filesystem::").replace("long long", "long")
    name = name.replace("__sFILE", "_IO_FILE")
    return re.sub(r"\s*>", ">", name)


class Library:
    def __init__(self, stub: Path):
        self.stub, self.name = stub, stub.stem.removeprefix("lib")
        path = output("g++", f"-print-file-name=lib{self.name}.so")[0]
        if "/" not in path:
            raise SystemExit(f"lib{self.name}.so: not found")
        lines = output("nm", "-D", "--defined-only", path)
        self.exported = {line.split()[-1].split("@")[0] for line in lines}
        self.spelt = {spelt_alike(name) for name in demangled(sorted(self.exported))}
        self.found: dict[str, str] = {}

    def has(self, symbol: str, readable: str) -> bool:
        if symbol.removeprefix("_") in self.exported:
            self.found[symbol] = "same name"
        elif symbol.startswith("__Z") and spelt_alike(readable) in self.spelt:
            self.found[symbol] = "same declaration"
        return symbol in self.found

    def write(self, folder: Path):
        lines = self.stub.read_text().splitlines()
        install = next(line for line in lines if line.startswith("install-name"))
        symbols = ", ".join(f"'{s}'" for s in sorted(self.found))
        exports = ["exports:", "  - targets: [ arm64-macos ]", f"    symbols: [ {symbols} ]"] if symbols else ["exports: []"]
        (folder / self.stub.name).write_text("\n".join(["--- !tapi-tbd", "tbd-version: 4", "targets: [ arm64-macos ]", install, *exports, "...", ""]))


def main():
    program, prefix, report = map(Path, sys.argv[1:])
    file = MachO(program)
    symbols = file.looked_up()
    readable = dict(zip(symbols, demangled([s.removeprefix("_") for s in symbols])))
    libraries = [Library(stub) for stub in sorted((prefix / "lib").glob("lib*.tbd"))]
    unknown = [s for s in symbols if not any(library.has(s, readable[s]) for library in libraries)]
    lines = []
    (prefix / "linked").mkdir(exist_ok=True)
    for library in libraries:
        library.write(prefix / "linked")
        alike = sum(how != "same name" for how in library.found.values())
        note = f", {alike} of them by declaration" if alike else ""
        print(f"  {library.name}: {len(library.found)} symbols{note}")
        lines += [f"{library.name}\t{how}\t{readable[s]}" for s, how in sorted(library.found.items())]
    lines += [f"libmlx.dylib\tlinked\t{name}" for name in demangled([s.removeprefix("_") for s in file.from_library("libmlx")])]
    report.write_text("\n".join(lines) + "\n")
    if unknown:
        raise SystemExit("no library has:\n" + "\n".join(f"  {readable[s]}" for s in unknown))


if __name__ == "__main__":
    main()
