"""The hostile scripts by hand.

    python -m tests.sandbox          writes their table into docs/security.md
    python -m tests.sandbox judge    tries them here, as root, at the level that containers have

The second is what `deploy/corpus.sh` does in a container of `compose.yaml`. Exit code 1: a script did
something else than its head says.
"""

import asyncio
import shutil
import sys
import tempfile
from pathlib import Path

from services.executor.sandbox.fence import Level
from tests.sandbox.ground import Ground
from tests.sandbox.headers import Network, headers
from tests.sandbox.table import write
from tests.sandbox.trial import Setup, complaints, try_all


def main() -> int:
    if sys.argv[1:] != ["judge"]:
        write(headers())
        return 0
    wrong = [complaint for network in Network for complaint in _judged(network)]
    print("\n".join(wrong) or "every script did what its head says")
    return 1 if wrong else 0


def _judged(network: Network) -> list[str]:
    setup = Setup(level=Level.RESTRICTED, network=network, in_container=True)
    folder = Path(tempfile.mkdtemp(prefix="corpus-", dir="/var/tmp"))
    ground = Ground(folder)
    try:
        verdicts = asyncio.run(try_all(setup, ground, headers()))
    finally:
        ground.close()
        shutil.rmtree(folder)
    contained = sum(verdict.ran and not verdict.escapes for verdict in verdicts.values())
    print(f"restricted, network {network}: contained {contained} of {len(verdicts)}", flush=True)
    return [
        f"{network}: {header.script}: {complaint}"
        for header in headers()
        for complaint in complaints(setup, header, verdicts[header.script])
    ]


if __name__ == "__main__":
    sys.exit(main())
