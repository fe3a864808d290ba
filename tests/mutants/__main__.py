"""`./portal mutants [MODULE ...]`: put each small fault into the pure core and see a test notice it.

Exit code 1 if one is noticed by no test and not explained in `equivalent.md`, or if an explanation there is
of a fault that is not made any more.
"""

import argparse
import ast
import os
import re
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

from tests.mutants.faults import mutants
from tests.mutants.trial import Target, survives

ROOT = Path(__file__).parents[2]
EXPLAINED = Path(__file__).with_name("equivalent.md")


def main() -> int:
    parser = argparse.ArgumentParser(prog="portal mutants", description=__doc__.splitlines()[0])
    parser.add_argument("modules", nargs="*", metavar="MODULE", help="such as days; none means all")
    wanted = set(parser.parse_args().modules)
    targets = [target for target in _targets() if not wanted or target.path.stem in wanted]
    if unknown := wanted - {target.path.stem for target in targets}:
        parser.error(f"no mutants are made of {', '.join(sorted(unknown))}")
    os.chdir(ROOT)
    explained = set(re.findall(r"^- `(.+?)`:", EXPLAINED.read_text("utf-8"), re.MULTILINE))
    results = [_tried(target, explained) for target in targets]
    return 0 if all(results) else 1


def _targets() -> Iterator[Target]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["mutants"]
    for setting in settings:
        for path in sorted(ROOT.glob(setting["code"])):
            module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            own = [test.format(module=path.stem) for test in setting["tests"]]
            tests = [test for pattern in own for test in sorted(map(str, ROOT.glob(pattern)))]
            yield Target(module=module, path=path, tests=list(dict.fromkeys(tests)))


def _tried(target: Target, explained: set[str]) -> bool:
    """Try all mutants of a module and print what was seen; return whether nothing is left to do."""
    began = time.monotonic()
    tree = ast.parse(target.path.read_text("utf-8"))
    if not survives(target, tree, None):
        print(f"{target.module}: its tests fail without any fault", flush=True)
        return False
    found = mutants(tree, target.path.stem)
    survivors = [mutant for mutant in found if survives(target, tree, mutant)]
    names = {mutant.name for mutant in survivors}
    open_ones = [mutant for mutant in survivors if mutant.name not in explained]
    about = {name for name in explained if re.match(rf"{target.path.stem}[.:]", name)}
    stale = about - {mutant.name for mutant in found}
    print(
        f"{target.module}: {len(found)} mutants, {len(found) - len(survivors)} noticed, "
        f"{len(names & explained)} explained, {len(open_ones)} open ({time.monotonic() - began:.0f} s)"
    )
    for mutant in open_ones:
        print(f"  {target.path.relative_to(ROOT)}:{mutant.line}: open: {mutant.name}")
    for name in sorted(stale):
        print(f"  explained, but no such fault is made any more: {name}", flush=True)
    return not open_ones and not stale


if __name__ == "__main__":
    sys.exit(main())
