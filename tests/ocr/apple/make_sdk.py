"""Headers, and libraries' lists of symbols, with what declarations.json knows of Apple's frameworks:

    python make_sdk.py declarations.json OUT                  all of it, for a compiler that aims at macOS
    python make_sdk.py declarations.json OUT --system-objc    without Foundation, which the system has (GNUstep),
                                                          and CoreServices

With --system-objc, classes of Vision have a pointer for their implementation: old runtimes allow instance variables
nowhere else.
"""

import argparse
import json
from pathlib import Path

BASICS = """#include <stddef.h>
#include <stdint.h>
#if __has_include(<CoreFoundation/CFCGTypes.h>)
#include <CoreFoundation/CFCGTypes.h>  // newer versions of GNUstep
#else
typedef double CGFloat;
struct CGPoint { CGFloat x, y; };
typedef struct CGPoint CGPoint;
struct CGSize { CGFloat width, height; };
typedef struct CGSize CGSize;
struct CGRect { CGPoint origin; CGSize size; };
typedef struct CGRect CGRect;
#endif
typedef uint32_t CGBitmapInfo;
typedef unsigned char Boolean;
typedef long CFIndex;
typedef double CFTimeInterval;
typedef uint32_t CFStringEncoding;
typedef const struct __CFAllocator *CFAllocatorRef;
typedef const struct __CFArray *CFArrayRef;
typedef const struct __CFString *CFStringRef;
typedef struct CGImage *CGImageRef;
typedef struct CGDataProvider *CGDataProviderRef;
typedef struct CGColorSpace *CGColorSpaceRef;
typedef void (*CGDataProviderReleaseDataCallback)(void *info, const void *data, size_t size);
"""
CORE_SERVICES_BASICS = """#include <CoreFoundation/CoreFoundation.h>
#include <dispatch/dispatch.h>
typedef struct __FSEventStream *FSEventStreamRef;
typedef const struct __FSEventStream *ConstFSEventStreamRef;
typedef uint64_t FSEventStreamEventId;
"""
FOUNDATION_BASICS = """#include <objc/NSObject.h>
#include <stddef.h>
#include <stdint.h>
typedef unsigned short unichar;
typedef struct _NSRange { NSUInteger location, length; } NSRange;
"""
GENERIC = {"NSArray": "<__covariant ObjectType>", "NSMutableArray": "<ObjectType>", "NSDictionary": "<KeyType, ObjectType>"}
RUNTIME = (
    "__objc_empty_cache", "___objc_personality_v0", "_objc_alloc", "_objc_alloc_init", "_objc_autorelease",
    "_objc_autoreleasePoolPop", "_objc_autoreleasePoolPush", "_objc_autoreleaseReturnValue", "_objc_begin_catch",
    "_objc_claimAutoreleasedReturnValue", "_objc_end_catch", "_objc_exception_rethrow", "_objc_msgSend",
    "_objc_msgSend_stret", "_objc_opt_new", "_objc_release", "_objc_retain", "_objc_retainAutorelease",
    "_objc_retainAutoreleaseReturnValue", "_objc_retainAutoreleasedReturnValue", "_objc_storeStrong",
    "_objc_ehtype_vtable", "_objc_terminate", "_objc_unsafeClaimAutoreleasedReturnValue", "_objc_enumerationMutation",
    *(f"_objc_{verb}_x{i}" for verb in ("release", "retain") for i in range(29)),
)  # fmt: skip


def framework_of(name: str) -> str:
    for prefix, framework in (("VN", "Vision"), ("kCGImageProperty", "ImageIO"), ("CGImageProperty", "ImageIO"),
                              ("CG", "CoreGraphics"), ("kCG", "CoreGraphics"), ("CF", "CoreFoundation"), ("kCF", "CoreFoundation"), ("FS", "CoreServices")):  # fmt: skip
        if name.startswith(prefix):
            return framework
    return "Foundation"


def method_text(key: str, types: dict) -> str:
    parts = key[1:].split(":")
    text = f"{key[0]} ({types['returns']})"
    if not types["takes"]:
        return text + parts[0] + ";"
    return text + " ".join(f"{part}:({kind})a{i}" for i, (part, kind) in enumerate(zip(parts, types["takes"]))) + ";"


def class_text(name: str, entry: dict, has_state: bool) -> str:
    generic = GENERIC.get(name, "")
    above = entry["super"] + ("<ObjectType>" if entry["super"] in GENERIC else "")
    lines = [f"@interface {name}{generic} : {above}"]
    if has_state and entry["super"] == "NSObject":
        lines.append("{ @public void *state; }")
    lines += [method_text(key, types) for key, types in entry["methods"].items()]
    return "\n".join([*lines, "@end", ""])


def structure_text(name: str, entry: dict) -> str:
    members = " ".join(f"{kind} {member};" for member, kind in entry["members"].items())
    text = f"typedef struct {{ {members} }} {name};"
    return f"#pragma pack(push, {entry['packed']})\n{text}\n#pragma pack(pop)" if entry["packed"] else text


def header(table: dict, framework: str, has_state: bool) -> str:
    lines = []
    for name, entry in table["enumerations"].items():
        if framework_of(name) == framework:
            values = ", ".join(f"{n} = {v}" for n, v in entry["values"].items())
            lines.append(f"typedef enum {name} : {entry['type']} {{ {values} }} {name};")
    for name, entry in table["flags"].items():
        if framework_of(name) == framework:
            values = ", ".join(f"{n} = {v}" for n, v in entry["values"].items())
            lines.append(f"typedef {entry['type']} {name};\nenum {{ {values} }};")
    lines.append('#ifdef __cplusplus\nextern "C" {\n#endif')
    for name, types in table["function types"].items():
        if framework_of(name) == framework:
            lines.append(f"typedef {types['returns']} (*{name})({', '.join(types['takes'])});")
    lines += [structure_text(n, e) for n, e in table["structures"].items() if framework_of(n) == framework]
    for name, entry in table["constants"].items():
        if framework_of(name) == framework:
            constant = f" = {entry['value']}" if "value" in entry else ""
            storage = "static const" if constant else "extern"
            star = " const" if not constant else ""
            lines.append(f"{storage} {entry['type']}{star} {name}{constant};")
    for name, types in table["functions"].items():
        if framework_of(name) == framework:
            lines.append(f"{types['returns']} {name}({', '.join(types['takes'])});")
    lines.append("#ifdef __cplusplus\n}\n#endif")
    lines += [class_text(n, e, has_state) for n, e in table["classes"].items() if framework_of(n) == framework]
    return "\n".join(lines)


def library(table: dict, framework: str, path: str) -> str:
    """A text-based list of a library's symbols, as linkers for macOS read it."""
    names = [n for kind in ("constants", "functions") for n, e in table[kind].items() if "value" not in e]
    symbols = ["_" + n for n in names if framework_of(n) == framework]
    classes = [n for n in table["classes"] if framework_of(n) == framework]
    if framework == "objc":
        symbols, classes = list(RUNTIME), ["NSObject"]
    exports = [f"  - targets: [ arm64-macos ]"]
    if symbols:
        exports.append("    symbols: [ " + ", ".join(f"'{s}'" for s in symbols) + " ]")
    if classes:
        exports.append("    objc-classes: [ " + ", ".join(classes) + " ]")
    if "NSException" in classes:
        exports.append("    objc-eh-types: [ NSException ]")
    return "\n".join([
        "--- !tapi-tbd", "tbd-version: 4", "targets: [ arm64-macos ]", f"install-name: '{path}'",
        "exports:", *exports, "...", "",
    ])  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--system-objc", action="store_true")
    arguments = parser.parse_args()
    table = json.loads(arguments.table.read_text())
    used = {
        "Foundation": FOUNDATION_BASICS,
        "CoreFoundation": BASICS,
        "CoreGraphics": "#include <CoreFoundation/CoreFoundation.h>\n",
        "ImageIO": "#include <CoreGraphics/CoreGraphics.h>\n",
        "CoreServices": CORE_SERVICES_BASICS,
        "Vision": "#import <Foundation/Foundation.h>\n#include <ImageIO/ImageIO.h>\n",
    }
    for framework, opening in used.items():
        if framework in ("Foundation", "CoreServices") and arguments.system_objc:
            continue
        folder = arguments.out / "include" / framework
        folder.mkdir(parents=True, exist_ok=True)
        forward = [n for n in table["classes"] if framework_of(n) == framework]
        declared = "".join(f"@class {n}{GENERIC.get(n, '')};\n" for n in forward)
        text = f"#pragma once\n{opening}{declared}{header(table, framework, arguments.system_objc)}\n"
        (folder / f"{framework}.h").write_text(text)
        bundle = arguments.out / "Frameworks" / f"{framework}.framework"
        bundle.mkdir(parents=True, exist_ok=True)
        path = f"/System/Library/Frameworks/{framework}.framework/Versions/A/{framework}"
        (bundle / f"{framework}.tbd").write_text(library(table, framework, path))
    (arguments.out / "lib").mkdir(exist_ok=True)
    (arguments.out / "lib" / "libobjc.tbd").write_text(library(table, "objc", "/usr/lib/libobjc.A.dylib"))


if __name__ == "__main__":
    main()
