"""`./portal drill [NAME ...]`: run drills and print what was seen; exit code 1 if one failed."""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.drills import alarm, deploys, faults, figures, recovery, several

DRILLS = {
    "executor": faults.executor_killed,
    "silence": faults.executor_frozen,
    "frozen": faults.broker_frozen,
    "alarm": alarm.memory_alarm,
    "restarts": faults.everything_restarted,
    "schedulers": several.schedulers_killed,
    "rolling": deploys.rolling,
    "mixed": deploys.mixed,
    "recovery": recovery.recovery,
    "chatty": figures.chatty,
    "latency": figures.latency,
    "footprint": figures.footprint,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="portal drill", description="Drills on the real system.")
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"which: {', '.join(DRILLS)}; none means all"
    )
    names = parser.parse_args().names or list(DRILLS)
    if unknown := set(names) - set(DRILLS):
        parser.error(f"no such drill: {', '.join(unknown)}; there are: {', '.join(DRILLS)}")
    failed = []
    for name in names:
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix=f"portal-drill-{name}-") as folder:
            try:
                lines = DRILLS[name](Path(folder))
                verdict = "passed"
            except AssertionError as error:
                lines, verdict = [str(error)], "FAILED"
                failed.append(name)
        print(f"{name}: {verdict} in {time.monotonic() - began:.0f} s")
        for line in lines:
            print(f"  {line}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
