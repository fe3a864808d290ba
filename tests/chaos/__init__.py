"""The fault harness: `portal chaos` breaks the real system in every way it can and then judges it."""
