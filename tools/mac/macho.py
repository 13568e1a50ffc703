"""The contents of a Mach-O file of arm64:

    python macho.py FILE...    the least macOS that each runs on, and the libraries that it loads
"""

import struct
import sys
from pathlib import Path

LC_SYMTAB, LC_LOAD_DYLIB, LC_ID_DYLIB, LC_BUILD_VERSION = 0x2, 0xC, 0xD, 0x32
N_STAB, N_TYPE, N_EXT = 0xE0, 0x0E, 0x01
# The library of a name that the linker found nowhere: zig's linker writes 0, Apple's 0xFE.
LOOKED_UP = (0, 0xFE)


class MachO:
    def __init__(self, path: Path):
        self.data = path.read_bytes()
        magic, cpu, _, self.kind, count = struct.unpack_from("<5I", self.data)
        if magic != 0xFEEDFACF or cpu != 0x0100000C:
            raise SystemExit(f"{path}: not a 64-bit Mach-O file for arm64")
        self.minos, self.libraries, self.symbols = None, [], []
        at = 32
        for _ in range(count):
            command, size = struct.unpack_from("<2I", self.data, at)
            command &= 0x7FFFFFFF
            if command == LC_BUILD_VERSION:
                version = struct.unpack_from("<I", self.data, at + 12)[0]
                self.minos = f"{version >> 16}.{version >> 8 & 255}"
            elif command == LC_LOAD_DYLIB:
                name = struct.unpack_from("<I", self.data, at + 8)[0]
                self.libraries.append(self.text(at + name))
            elif command == LC_SYMTAB:
                self.read_symbols(*struct.unpack_from("<4I", self.data, at + 8))
            at += size

    def text(self, at: int) -> str:
        return self.data[at : self.data.index(b"\0", at)].decode()

    def read_symbols(self, offset: int, count: int, strings: int, _: int):
        for i in range(count):
            name, kind, _, description, _ = struct.unpack_from("<IBBHQ", self.data, offset + 16 * i)
            if not kind & N_STAB and kind & N_EXT:
                self.symbols.append((self.text(strings + name), (kind & N_TYPE) == 0, description >> 8))

    def looked_up(self) -> list[str]:
        """Names that the linker found in no library, and leaves to the start of the program."""
        return sorted(name for name, undefined, library in self.symbols if undefined and library in LOOKED_UP)

    def from_library(self, part: str) -> list[str]:
        """Names that the linker found in the library whose path has `part`."""
        ordinals = [i for i, path in enumerate(self.libraries, 1) if part in path]
        return sorted(name for name, undefined, library in self.symbols if undefined and library in ordinals)


if __name__ == "__main__":
    for path in map(Path, sys.argv[1:]):
        file = MachO(path)
        print(f"{path}: macOS {file.minos} or later; loads {', '.join(file.libraries)}")
