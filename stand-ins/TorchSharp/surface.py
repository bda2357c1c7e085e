"""Checks that every public method here exists in TorchSharp with the same parameter types and names.

    git clone https://github.com/dotnet/TorchSharp && git -C TorchSharp checkout v0.106.0
    python3 stand-ins/TorchSharp/surface.py TorchSharp/src/TorchSharp

A method here may leave out trailing parameters that are optional there. Compared are names and parameters over all
types together, by reading the sources; result types, properties and constraints are not.
"""
import collections
import glob
import os
import re
import sys

METHOD = re.compile(
    r"public (?:static |virtual |override |abstract |unsafe |sealed |new |partial |implicit operator |explicit operator )*"
    r"(?:(\([^()]*\)|[\w.]+(?:<[^(){};=]*?>)?(?:\[[,]*\])*\??) )?(@?\w+|operator ?[^\s(]+)(?:<[\w, ]+>)?\s*\(((?:[^()]|\([^()]*\))*)\)")
QUALIFIER = re.compile(r"\b(torch|Modules|nn|System|Utils|optim|lr_scheduler|IO|Numerics|Collections\.Generic)\.")


def split(parameters):
    """Splits at commas that are in no bracket."""
    parts, depth, part = [], 0, ""
    for letter in parameters:
        depth += (letter in "(<[") - (letter in ")>]")
        if letter == "," and depth == 0:
            parts.append(part)
            part = ""
        else:
            part += letter
    return [part.strip() for part in parts + [part] if part.strip()]


def parameter(text):
    """(type, name, whether it may be left out)"""
    declaration = re.sub(r"^(params|this|in|ref|out|static) ", "", text.split("=")[0].strip())
    kind, _, name = declaration.rpartition(" ")
    kind = QUALIFIER.sub("", QUALIFIER.sub("", kind)).replace(" ", "").replace("?", "")
    return kind, name.lstrip("@"), "=" in text or text.startswith("params ")


def methods(folder):
    found = collections.defaultdict(list)
    for path in glob.glob(os.path.join(folder, "**", "*.cs"), recursive=True):
        if re.search(r"/(obj|PInvoke)/", path):
            continue
        with open(path, encoding="utf-8-sig") as file:
            text = re.sub(r"\[(Pure|Obsolete[^\]]*|MethodImpl[^\]]*)\]", "", re.sub(r"//.*", "", file.read()))
        for match in METHOD.finditer(text):
            parameters = [parameter(part) for part in split(re.sub(r"\s+", " ", match.group(3)))]
            found[match.group(2).lstrip("@")].append((parameters, path))
    return found


def fits(own, real):
    return (len(real) >= len(own)
            and all(a[:2] == b[:2] for a, b in zip(own, real))
            and all(rest[2] for rest in real[len(own):]))


own, real = methods(os.path.dirname(os.path.abspath(__file__))), methods(sys.argv[1])
missing = [(path, name, parameters) for name, overloads in own.items() for parameters, path in overloads
           if not any(fits(parameters, candidate) for candidate, _ in real[name])]
for path, name, parameters in missing:
    print(f"{os.path.basename(path)}: {name}({', '.join(' '.join(p[:2]) for p in parameters)})")
print(f"{sum(len(overloads) for overloads in own.values())} methods, {len(missing)} of them not in {sys.argv[1]}")
sys.exit(bool(missing))
