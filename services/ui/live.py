"""In-process fan-out of what changes, to every open stream."""


class Live:
    """Latest states by topic; see `/api/v1/stream` for what a browser sees of it."""
