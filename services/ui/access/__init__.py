"""Who speaks to the portal, and what they may do: asked by every command, known by what came in.

`gate.py` lets nobody in who is not known and says who it is; commands `demand` the role that they need.
"""

from services.ui.access.identity import (
    NOWHERE,
    Origin,
    acting,
    current,
    demand,
    demand_somewhere,
    known,
    origin,
)

__all__ = ["NOWHERE", "Origin", "acting", "current", "demand", "demand_somewhere", "known", "origin"]
