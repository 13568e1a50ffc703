"""Apple's declarations that oko's Objective-C++ and C++ may use, from the sources of the crates objc2-*, which are
translated from Apple's own headers:

    cargo vendor CRATES    # with a Cargo.toml that asks for the six crates below, 0.3.2
    python extract_declarations.py CRATES ../../tests/ocr/apple/declarations.json

Written are classes with their superclass and methods (types as Objective-C spells them), the values of enumerations,
constants, functions, structures and types of functions. A class of CLASSES keeps all methods whose types are known here, or, of the
large classes of Foundation, the listed ones.
"""

import json
import re
import sys
from pathlib import Path

CRATES = ("objc2-core-foundation", "objc2-core-graphics", "objc2-core-services", "objc2-foundation", "objc2-image-io", "objc2-vision")
ALL = None
CLASSES = {
    "NSString": {"stringWithUTF8String:", "UTF8String", "length", "characterAtIndex:", "substringWithRange:"},
    "NSArray": {"count", "objectAtIndex:", "arrayWithObject:"},
    "NSMutableArray": {"arrayWithCapacity:", "addObject:"},
    "NSDictionary": {"dictionary"},
    "NSError": {"domain", "code", "localizedDescription"},
    "NSException": {"name", "reason"},
    "NSProcessInfo": {"processInfo", "operatingSystemVersionString"},
    "VNRequest": ALL,
    "VNImageBasedRequest": ALL,
    "VNRecognizeTextRequest": ALL,
    "VNImageRequestHandler": ALL,
    "VNObservation": ALL,
    "VNDetectedObjectObservation": ALL,
    "VNRectangleObservation": ALL,
    "VNRecognizedTextObservation": ALL,
    "VNRecognizedText": ALL,
}
ENUMERATIONS = (
    "VNRequestTextRecognitionLevel", "VNErrorCode", "CGImagePropertyOrientation", "CGImageAlphaInfo",
    "CGColorRenderingIntent", "CFStringBuiltInEncodings",
)  # fmt: skip
# Whole numbers, whose values have a prefix and no type of their own.
FLAGS = {
    "FSEventStreamCreateFlags": "kFSEventStreamCreateFlag", "FSEventStreamEventFlags": "kFSEventStreamEventFlag",
}  # fmt: skip
FUNCTION_TYPES = (
    "CFAllocatorRetainCallBack", "CFAllocatorReleaseCallBack", "CFAllocatorCopyDescriptionCallBack",
    "CFArrayRetainCallBack", "CFArrayReleaseCallBack", "CFArrayCopyDescriptionCallBack", "CFArrayEqualCallBack",
    "FSEventStreamCallback",
)  # fmt: skip
STRUCTURES = ("CFArrayCallBacks", "FSEventStreamContext")
CONSTANTS = ("VNRecognizeTextRequestRevision3", "VNErrorDomain", "kCGColorSpaceSRGB", "kCFTypeArrayCallBacks")
FUNCTIONS = (
    "CFArrayCreate", "CFRelease", "CFStringCreateWithCString", "CGColorSpaceCreateWithName",
    "CGDataProviderCreateWithData", "CGImageCreate", "FSEventStreamCreate", "FSEventStreamInvalidate",
    "FSEventStreamRelease", "FSEventStreamSetDispatchQueue", "FSEventStreamStart", "FSEventStreamStop",
    "FSEventsGetCurrentEventId",
)  # fmt: skip
PLAIN = {
    "bool": "BOOL", "NSInteger": "NSInteger", "NSUInteger": "NSUInteger", "c_float": "float", "f64": "double",
    "CGFloat": "CGFloat", "usize": "size_t", "u32": "uint32_t", "unichar": "unichar", "CGRect": "CGRect",
    "CGPoint": "CGPoint", "NSRange": "NSRange", "VNConfidence": "float", "*const c_char": "const char *",
    "*mut c_void": "void *", "*const c_void": "const void *", "*const CGFloat": "const CGFloat *",
    "CGDataProviderReleaseDataCallback": "CGDataProviderReleaseDataCallback", "CGBitmapInfo": "CGBitmapInfo",
    "NonNull<c_char>": "const char *",
    "Retained<Self>": "instancetype", "Allocated<Self>": "instancetype", "()": "void", "": "void",
    "AnyObject": "id", "ObjectType": "ObjectType",
    "CFIndex": "CFIndex", "CFTimeInterval": "CFTimeInterval", "CFStringEncoding": "CFStringEncoding", "Boolean": "Boolean",
    "*mut *const c_void": "const void **", "NonNull<c_void>": "void *", "&DispatchQueue": "dispatch_queue_t",
    "*const CFAllocator": "CFAllocatorRef", "*const CFString": "CFStringRef",
    "*const CFArrayCallBacks": "const CFArrayCallBacks *", "*mut FSEventStreamContext": "FSEventStreamContext *",
    "FSEventStreamRef": "FSEventStreamRef", "ConstFSEventStreamRef": "ConstFSEventStreamRef",
    "FSEventStreamEventId": "FSEventStreamEventId",
    "NonNull<FSEventStreamEventFlags>": "const FSEventStreamEventFlags *",
    "NonNull<FSEventStreamEventId>": "const FSEventStreamEventId *",
    "NSErrorDomain": "NSString *", "NSExceptionName": "NSString *", "VNImageOption": "NSString *",
}  # fmt: skip
OPAQUE = ("CGImage", "CGDataProvider", "CGColorSpace", "CFAllocator", "CFArray", "CFString")


class Unknown(Exception):
    """A type that Objective-C code of oko has no need of."""


def argument_of_generic(text: str) -> str:
    return text[text.index("<") + 1 : text.rindex(">")]


def objc_type(rust: str) -> str:
    """&NSArray<NSString> -> NSArray<NSString *> *"""
    rust = re.sub(r"\s+", " ", rust).strip().rstrip(",")
    if rust in PLAIN:
        return PLAIN[rust]
    if rust in (*ENUMERATIONS, *FLAGS, *FUNCTION_TYPES, *STRUCTURES):
        return rust
    for wrapper in ("Option", "Retained", "CFRetained", "NonNull"):
        if rust.startswith(wrapper + "<"):
            return objc_type(argument_of_generic(rust))
    bare = re.sub(r"^&('static )?(mut )?", "", rust)
    if bare in PLAIN:
        return PLAIN[bare]
    if bare in OPAQUE:
        return bare + "Ref"
    name = bare.split("<")[0]
    if name not in CLASSES:
        raise Unknown(rust)
    if "<" not in bare:
        return name + " *"
    return f"{name}<{', '.join(objc_type(part) for part in argument_of_generic(bare).split(', '))}> *"


def split_arguments(text: str) -> list[str]:
    parts, depth, part = [], 0, ""
    for character in text:
        depth += character in "<(["
        depth -= character in ">)]"
        if character == "," and depth == 0:
            parts.append(part)
            part = ""
        else:
            part += character
    return [p.strip() for p in [*parts, part] if p.strip()]


def without_comments(text: str) -> str:
    return re.sub(r"^\s*//.*$", "", text, flags=re.M)


METHOD = re.compile(
    r"#\[unsafe\(method(?:_id)?\((?P<selector>[\w:]+)\)\)\](?:\s*#\[[^\]]*\])*\s*"
    r"pub (?:unsafe )?fn \w+\s*(?:<[^>]*>)?\((?P<arguments>[^;]*?)\)\s*(?:->\s*(?P<result>[^;]+?))?;",
    re.S,
)


def method(match: re.Match) -> tuple[str, dict]:
    selector, arguments, result = match["selector"], split_arguments(match["arguments"]), match["result"] or ""
    is_init = bool(arguments) and "Allocated<Self>" in arguments[0]
    on_instance = bool(arguments) and (arguments[0] in ("&self", "&mut self") or is_init)
    types = [objc_type(a.split(":", 1)[1]) for a in arguments[1 if on_instance else 0 :]]
    if selector.endswith(":_"):  # the last argument takes the error that Rust gives as a result
        selector = selector[:-1]
        types.append("NSError **")
        value = split_arguments(argument_of_generic(result))[0]
        returned = "BOOL" if value == "()" else objc_type(value)
    else:
        returned = objc_type(result)
    if selector.count(":") != len(types):
        raise ValueError(f"{selector}: {types}")
    return ("-" if on_instance else "+") + selector, {"returns": returned, "takes": types}


def methods(text: str, name: str, wanted: set | None) -> dict:
    found = {}
    for block in re.finditer(rf"\nimpl(?:<[^>]*>)? {name}(?:<[^>]*>)? \{{\n    extern_methods!\(\n(.*?)\n    \);", text, re.S):
        for match in METHOD.finditer(block[1]):
            selector = match["selector"].removesuffix("_")
            if wanted is not None and selector not in wanted:
                continue
            try:
                key, value = method(match)
            except Unknown:
                continue
            found.setdefault(key, value)
    return dict(sorted(found.items()))


def enumeration(text: str, name: str) -> dict:
    closed = re.search(rf"#\[repr\((\w+)\)\][^;{{]*pub enum {name} \{{(.*?)\n\}}", text, re.S)
    if closed:
        values = re.findall(r'doc\(alias = "(\w+)"\)\]\s*\w+ = (-?\d+)', closed[2])
        return {"type": {"u32": "uint32_t", "i32": "int32_t"}[closed[1]], "values": {n: int(v) for n, v in values}}
    kind = re.search(rf"pub struct {name}\(pub (\w+)\);", text)
    block = re.search(rf"\nimpl {name} \{{(.*?)\n\}}", text, re.S)
    values = re.findall(r'doc\(alias = "(\w+)"\)\]\s*(?:#\[[^\]]*\]\s*)*pub const \w+: Self = Self\((-?\w+)\)', block[1])
    types = {"NSInteger": "NSInteger", "u32": "uint32_t", "i32": "int32_t", "CFStringEncoding": "uint32_t"}
    return {"type": types[kind[1]], "values": {n: int(v, 0) for n, v in values}}


def flags(text: str, name: str) -> dict:
    kind = re.search(rf"pub type {name} = (\w+);", text)
    values = re.findall(rf"pub const ({FLAGS[name]}\w+): c_uint = (\w+);", text)
    return {"type": objc_type(kind[1]), "values": {n: int(v, 0) for n, v in values}}


def function_type(text: str, name: str) -> dict:
    match = re.search(rf"pub type {name} =\s*Option<\s*unsafe extern \"C-unwind\" fn\((.*?)\)\s*(?:-> ([^;]+?))?,?\s*>;", text, re.S)
    return {"returns": objc_type(match[2] or ""), "takes": [objc_type(a) for a in split_arguments(match[1])]}


def structure(text: str, name: str) -> dict:
    match = re.search(rf"#\[repr\(C(?:, packed\((\d+)\))?\)\](?:\s*#\[[^\]]*\])*\s*pub struct {name} \{{(.*?)\n\}}", text, re.S)
    members = re.findall(r"pub (\w+): (.+),", match[2])
    return {"packed": int(match[1] or 0), "members": {n: objc_type(t) for n, t in members}}


def function(text: str, name: str) -> dict:
    # Indented is the function of C, and not what Rust makes of it.
    match = re.search(rf"\n +(?:pub )?fn {name}\(([^;{{]*?)\)\s*(?:->\s*([^;{{]+?))?;", text, re.S)
    types = [objc_type(a.split(":", 1)[1]) for a in split_arguments(match[1])]
    if name == "CFRelease":  # declared in code of Rust's own, which knows no CFTypeRef
        types = ["const void *"]
    # C functions take C's bool, methods take BOOL.
    return {"returns": objc_type(match[2] or ""), "takes": ["bool" if t == "BOOL" else t for t in types]}


def main():
    crates, out = Path(sys.argv[1]), Path(sys.argv[2])
    sources = []
    for crate in CRATES:
        folder = next(f for f in sorted(crates.iterdir()) if f.name.startswith(crate) and f.is_dir())
        sources += [without_comments(f.read_text()) for f in sorted((folder / "src").rglob("*.rs"))]
    text = "\n".join(sources)
    classes = {}
    for name, wanted in CLASSES.items():
        above = re.search(rf"#\[unsafe\(super\(([^()]*)\)\)\](?:\s*#\[[^\]]*\])*\s*pub struct {name}\b", text, re.S)
        classes[name] = {
            "super": split_arguments(above[1])[0].split("<")[0],
            "methods": methods(text, name, wanted),
        }
    enumerations = {name: enumeration(text, name) for name in ENUMERATIONS}
    constants = {}
    for name in CONSTANTS:
        match = re.search(rf"pub static {name}: ([^=;]+?)(?: = (\d+))?;", text)
        constants[name] = {"type": objc_type(match[1])} | ({"value": int(match[2])} if match[2] else {})
    functions = {name: function(text, name) for name in FUNCTIONS}
    kinds = {
        "flags": {name: flags(text, name) for name in FLAGS},
        "function types": {name: function_type(text, name) for name in FUNCTION_TYPES},
        "structures": {name: structure(text, name) for name in STRUCTURES},
    }
    made = "tools/apple/extract_declarations.py, of " + ", ".join(f"{c} 0.3.2" for c in CRATES)
    table = {"made by": made, "classes": classes, "enumerations": enumerations, "constants": constants,
             "functions": functions} | kinds  # fmt: skip
    out.write_text(json.dumps(table, indent=1, ensure_ascii=False) + "\n")
    for name, wanted in CLASSES.items():
        missing = (wanted or set()) - {m[1:] for m in classes[name]["methods"]}
        if missing:
            print(f"{name}: not found: {', '.join(sorted(missing))}", file=sys.stderr)


if __name__ == "__main__":
    main()
