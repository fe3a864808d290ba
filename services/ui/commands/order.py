"""The order in which the jobs of a document are saved: each after those that it runs after."""

from collections.abc import Collection, Hashable, Mapping
from graphlib import CycleError, TopologicalSorter

from shared.domain.ids import JobId


def order_of(
    upstreams: Mapping[str, Collection[Hashable]],
    keys: Mapping[JobId, str],
    links: Mapping[JobId, Collection[JobId]],
) -> tuple[list[str], list[str]]:
    """Return the order of the jobs, and those of a circle, in the order in which they would start each other.

    With a circle there is no order. `upstreams` are what each is to run after: folded names, of others than
    the document's jobs their ids. `keys` are the names of those that are stored already, `links` what every
    stored job runs after: a chain may lead through jobs that the document does not have.
    """
    graph: dict[Hashable, set[Hashable]] = {key: set(before) for key, before in upstreams.items()}
    for job_id, before in links.items():
        if job_id not in keys:
            graph[job_id] = {keys.get(one, one) for one in before}
    try:
        steps = list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        return [], [one for one in error.args[1] if isinstance(one, str)]
    return [one for one in steps if isinstance(one, str) and one in upstreams], []
