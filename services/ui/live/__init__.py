"""In-process fan-out: what changed, coalesced, encoded once, to every open stream.

Topics: `runs`, `jobs`, `executors`, `health`, `run:<id>` and `log:<run id>`. States are pushed: the
newest per id, ten times a second at most; a socket that does not keep up loses them and is told to
load again. Logs are pulled from the store by a cursor per socket: in order, each chunk once, and a
slow socket only falls behind.
"""

from services.ui.live.hub import Live, Sources
from services.ui.live.subscriber import Subscriber
from services.ui.live.tails import LogSources, Tails

__all__ = ["Live", "LogSources", "Sources", "Subscriber", "Tails"]
