"""`./portal chaos`: break the real system for minutes and judge it; exit code 1 if a guarantee was broken."""

import argparse
import asyncio
import secrets
import shutil
import sys
import tempfile
from pathlib import Path

from tests.chaos.drama import Options, faults_of, play


def main() -> int:
    parser = argparse.ArgumentParser(prog="portal chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30, help="how long faults come; default: 30")
    parser.add_argument("--seed", type=int, help="repeats the faults of another run; default: a new one")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="postgresql")
    parser.add_argument("--executors", type=int, default=3, help="default: 3")
    parser.add_argument("--plan", action="store_true", help="only print the faults of this seed")
    parser.add_argument("--keep", action="store_true", help="keep the folder, as after a violation")
    asked = parser.parse_args()
    options = Options(
        seed=secrets.randbelow(10**6) if asked.seed is None else asked.seed,
        minutes=asked.minutes,
        database=asked.database,
        executors=asked.executors,
    )
    if asked.plan:
        print(*faults_of(options), sep="\n")
        return 0
    folder = Path(tempfile.mkdtemp(prefix="portal-chaos-"))
    print(f"seed {options.seed}, in {folder}", flush=True)
    verdict = asyncio.run(play(options, folder))
    print(*verdict.lines(), sep="\n")
    if verdict.violations or asked.keep:
        print(f"what was said and stored lies in {folder}")
    else:
        shutil.rmtree(folder)
    return 1 if verdict.violations else 0


if __name__ == "__main__":
    sys.exit(main())
