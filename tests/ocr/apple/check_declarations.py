"""Compares every message, function and constant of Apple's that an Objective-C++ file uses with declarations.json:

    clang++ ... -fsyntax-only -Xclang -ast-dump=json -Xclang -ast-dump-filter=oko::ocr FILE.mm > AST
    python check_declarations.py declarations.json AST

Prints what differs, and how much was compared; fails where something differs.
"""

import json
import re
import sys
from pathlib import Path

OF_EVERY_OBJECT = {"alloc", "autorelease"}
APPLES = re.compile(r"^(VN|CG|kCG|NS|CF)")
SAME = {
    "NSUInteger": "unsigned long", "NSInteger": "long", "size_t": "unsigned long", "CGFloat": "double",
    "unichar": "unsigned short", "uint32_t": "unsigned int", "CGBitmapInfo": "unsigned int", "bool": "bool",
    "struct _NSRange": "NSRange", "struct CGRect": "CGRect", "_Bool": "bool", "unsigned char": "BOOL",
    "struct CGImage *": "CGImageRef", "struct CGDataProvider *": "CGDataProviderRef",
    "struct CGColorSpace *": "CGColorSpaceRef", "const struct __CFString *": "CFStringRef",
}  # fmt: skip


def plain(kind: str) -> str:
    """Without qualifiers of ownership, without generic arguments, aliases resolved."""
    kind = re.sub(r"\b(__strong|__autoreleasing|__unsafe_unretained|_Nullable|_Nonnull|__kindof|enum)\b", "", kind)
    while "<" in kind:
        kind = re.sub(r"<[^<>]*>", "", kind)
    kind = re.sub(r"\s+", " ", kind).replace("* *", "**").strip()
    kind = re.sub(r"(?<=\w)\*", " *", kind)
    kind = re.sub(r"(?<=\*) ?const$", "", kind)
    if "*" not in kind:
        kind = kind.removeprefix("const ")
    return SAME.get(kind, kind)


def type_of(node: dict) -> str:
    """With aliases of C++ and of Foundation resolved, where that does not resolve too much."""
    written, resolved = node["type"]["qualType"], node["type"].get("desugaredQualType", "")
    # Newer clang names a member of a class, such as size_type, without the class.
    is_alias = "::" in written or written.endswith("_type") or resolved.endswith("*") and not written.endswith(("*", "Ref", "id"))
    return resolved if is_alias and resolved else written


class Comparison:
    def __init__(self, table: dict):
        self.table = table
        self.classes = table["classes"]
        self.wrong: list[str] = []
        self.seen: set[str] = set()

    def complain(self, text: str):
        if text not in self.wrong:
            self.wrong.append(text)

    def agree(self, found: str, declared: str, self_class: str = "") -> bool:
        found, declared = plain(found), plain(declared)
        if declared in ("ObjectType", "id"):
            return found == "id" or found.endswith("*")
        if declared == "instancetype":
            return found in ("id", self_class + " *")
        return found == declared

    def method(self, class_name: str, key: str) -> dict | None:
        while class_name in self.classes:
            if key in self.classes[class_name]["methods"]:
                return self.classes[class_name]["methods"][key]
            class_name = self.classes[class_name]["super"]
        return None

    def message(self, node: dict):
        selector, inner = node["selector"], node.get("inner", [])
        to_class = node["receiverKind"] == "class"
        receiver = plain(node["classType"]["qualType"] if to_class else type_of(inner[0])).removesuffix(" *")
        if selector in OF_EVERY_OBJECT or receiver in ("Object", "<dependent type>"):
            return
        key = ("+" if to_class else "-") + selector
        declared = self.method(receiver, key)
        if declared is None:
            self.complain(f"{receiver} has no {key}")
            return
        self.seen.add(f"{receiver} {key}")
        for number, (argument, kind) in enumerate(zip(inner[0 if to_class else 1 :], declared["takes"]), 1):
            if not self.agree(type_of(argument), kind):
                self.complain(f"{receiver} {key}: argument {number} is {type_of(argument)}, Apple's {kind}")
        if not self.agree(type_of(node), declared["returns"], receiver):
            self.complain(f"{receiver} {key}: returns {type_of(node)}, Apple's {declared['returns']}")

    def function(self, name: str, kind: str):
        if name not in self.table["functions"]:
            self.complain(f"there is no function {name}")
            return
        self.seen.add(name)
        declared = self.table["functions"][name]
        returned, taken = kind.split("(", 1)
        if not self.agree(returned, declared["returns"]):
            self.complain(f"{name} returns {returned}, Apple's {declared['returns']}")
        for number, (found, wanted) in enumerate(zip(taken.rstrip(")").split(", "), declared["takes"]), 1):
            if not self.agree(found, wanted):
                self.complain(f"{name}: argument {number} is {found}, Apple's {wanted}")

    def reference(self, node: dict):
        declared = node["referencedDecl"]
        name, kind = declared.get("name", ""), declared["kind"]
        if not APPLES.match(name):
            return
        if kind == "FunctionDecl":
            self.function(name, type_of(declared))
        elif kind == "EnumConstantDecl":
            self.seen.add(name)
            if not any(name in e["values"] for e in self.table["enumerations"].values()):
                self.complain(f"there is no enumerator {name}")
        elif kind == "VarDecl":
            self.seen.add(name)
            constant = self.table["constants"].get(name)
            if constant is None:
                self.complain(f"there is no constant {name}")
            elif not self.agree(type_of(declared), constant["type"]):
                self.complain(f"{name} is {type_of(declared)}, Apple's {constant['type']}")

    def walk(self, node: dict):
        if node.get("kind") == "ObjCMessageExpr":
            self.message(node)
        elif node.get("kind") == "DeclRefExpr":
            self.reference(node)
        for child in node.get("inner", []):
            self.walk(child)


def trees(text: str):
    decoder, at = json.JSONDecoder(), 0
    while (at := text.find("{", at)) >= 0:
        tree, at = decoder.raw_decode(text, at)
        yield tree


def main():
    table, dump = (Path(argument).read_text() for argument in sys.argv[1:3])
    comparison = Comparison(json.loads(table))
    for tree in trees(dump):
        comparison.walk(tree)
    print(f"compared {len(comparison.seen)} messages, functions and constants")
    for text in comparison.wrong:
        print(text)
    sys.exit(1 if comparison.wrong or not comparison.seen else 0)


if __name__ == "__main__":
    main()
