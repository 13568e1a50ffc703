"""A folder that stands in for Homebrew's, where a compiler that aims at macOS finds oko's libraries:

    python make_prefix.py OUT

It links the headers that this Linux has, and no other header of it, since a Mac would not have those. Packages are
found in it as cmake/dependencies.cmake asks for them. Libraries are lists of symbols (.tbd), empty here:
link_symbols.py fills them.
"""

import argparse
import re
import shutil
import subprocess
from pathlib import Path

# Package: its headers below /usr/include, its library, the folders of headers that it adds, the name that CMake knows
# it by, where that is not pkg-config's, and the version of one that pkg-config does not know.
PACKAGES = {
    "fmt": {"headers": ["fmt"], "library": "fmt", "cmake": "fmt::fmt"},
    "nlohmann_json": {"headers": ["nlohmann"], "cmake": "nlohmann_json::nlohmann_json"},
    "CLI11": {"headers": ["CLI"], "cmake": "CLI11::CLI11"},
    "GTest": {"headers": ["gtest"], "cmake": "GTest::gtest GTest::gtest_main"},
    "benchmark": {"headers": ["benchmark"], "cmake": "benchmark::benchmark benchmark::benchmark_main"},
    "libhwy": {"headers": ["hwy"], "library": "hwy", "flags": "-DHWY_SHARED_DEFINE"},
    "vips": {"headers": ["vips"], "library": "vips", "needs": ["glib-2.0", "gobject-2.0"]},
    "glib-2.0": {"headers": ["glib-2.0"], "library": "glib-2.0", "folders": ["glib-2.0", "glib-config"]},
    "gobject-2.0": {"headers": [], "library": "gobject-2.0"},
    "libutf8proc": {"headers": ["utf8proc.h"], "library": "utf8proc"},
    "libxxhash": {"headers": ["xxhash.h"], "library": "xxhash"},
    "libqpdf": {"headers": ["qpdf"], "library": "qpdf"},
    "zlib": {"headers": ["zlib.h", "zconf.h"], "library": "z"},
    "libedit": {"headers": ["histedit.h"], "library": "edit"},
    "libcurl": {"headers": ["curl"], "library": "curl"},
    "sqlite3": {"headers": ["sqlite3.h"], "library": "sqlite3"},
    "libxml-2.0": {"headers": ["libxml2", "unicode"], "library": "xml2", "folders": ["libxml2"]},
    "libzip": {"headers": ["zip.h", "zipconf.h"], "library": "zip"},
    "gmime-3.0": {"headers": ["gmime-3.0"], "library": "gmime-3.0", "folders": ["gmime-3.0"], "needs": ["glib-2.0"]},
    "Boost": {"headers": ["boost"], "cmake": "Boost::headers", "version": "1.81.0"},
    "stemmer": {"headers": ["libstemmer.h"], "library": "stemmer", "version": "2.2.0"},
}  # fmt: skip
# pkg-config's names of those that CMake finds by a file of its own.
VERSION_OF = {"nlohmann_json": "nlohmann_json", "CLI11": "CLI11", "GTest": "gtest"}
# Apple's frameworks whose symbols oko itself does not use, but MLX's target names.
FRAMEWORKS = ("Accelerate", "Metal", "QuartzCore")


def pkg_config(*arguments: str) -> str:
    return subprocess.run(["pkg-config", *arguments], check=True, capture_output=True, text=True).stdout.strip()


def header_root(package: str, name: str) -> Path:
    """Where this system keeps a header: most lie in /usr/include, some in a folder of the architecture."""
    flags = "" if "version" in PACKAGES.get(package, {}) else pkg_config("--cflags", package)
    folders = [Path("/usr/include"), *(Path(f) for f in re.findall(r"-I(\S+)", flags))]
    folders += sorted(Path("/usr/include").glob("*-linux-gnu*"))
    for folder in folders:
        if (folder / name).exists():
            return folder / name
    raise SystemExit(f"{package}: there is no header {name} in {', '.join(map(str, folders))}")


def empty_library(path: Path, install_name: str):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        "--- !tapi-tbd\ntbd-version: 4\ntargets: [ arm64-macos ]\n" f"install-name: '{install_name}'\nexports: []\n...\n"
    )


def write_package(out: Path, name: str, package: dict, version: str):
    folders = [out / "include", *(out / "include" / f for f in package.get("folders", []))]
    library = package.get("library")
    if "cmake" in package:
        folder = out / "lib" / "cmake" / name
        folder.mkdir(parents=True)
        lines = [f"set({name}_FOUND TRUE)"]
        for target in package["cmake"].split():
            lines += [
                f"add_library({target} INTERFACE IMPORTED)",
                f"set_target_properties({target} PROPERTIES INTERFACE_INCLUDE_DIRECTORIES {folders[0]})",
            ]
            if library:
                lines.append(f"target_link_libraries({target} INTERFACE {out}/lib/lib{library}.tbd)")
        (folder / f"{name}Config.cmake").write_text("\n".join(lines) + "\n")
        (folder / f"{name}ConfigVersion.cmake").write_text(
            f"set(PACKAGE_VERSION {version})\n"
            "if(NOT PACKAGE_VERSION VERSION_LESS PACKAGE_FIND_VERSION)\n  set(PACKAGE_VERSION_COMPATIBLE TRUE)\nendif()\n"
        )
    else:
        text = f"Name: {name}\nDescription: {name}\nVersion: {version}\n"
        if "needs" in package:
            text += f"Requires: {' '.join(package['needs'])}\n"
        text += f"Libs: -L{out}/lib -l{library}\n"
        text += f"Cflags: {package.get('flags', '')} {' '.join(f'-I{f}' for f in folders)}\n"
        (out / "lib" / "pkgconfig" / f"{name}.pc").write_text(text)
    if library:
        empty_library(out / "lib" / f"lib{library}.tbd", f"/opt/homebrew/lib/lib{library}.dylib")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    out = parser.parse_args().out.resolve()
    shutil.rmtree(out, ignore_errors=True)
    (out / "include").mkdir(parents=True)
    (out / "lib" / "pkgconfig").mkdir(parents=True)
    for name, package in PACKAGES.items():
        known = VERSION_OF.get(name, name)
        for header in package["headers"]:
            (out / "include" / header).symlink_to(header_root(known, header))
        write_package(out, name, package, package.get("version") or pkg_config("--modversion", known))
    config = next(f for f in re.findall(r"-I(\S+)", pkg_config("--cflags", "glib-2.0")) if (Path(f) / "glibconfig.h").exists())
    (out / "include" / "glib-config").symlink_to(config)
    for framework in FRAMEWORKS:
        place = f"/System/Library/Frameworks/{framework}.framework/Versions/A/{framework}"
        empty_library(out / "apple" / "Frameworks" / f"{framework}.framework" / f"{framework}.tbd", place)


if __name__ == "__main__":
    main()
