"""The name of a script: a relative path that cannot leave the scripts directory.

The rules here judge the text alone. The executor resolves the name again on the directory itself,
where symbolic links and races are judged too (openat2(2)).
"""

import unicodedata

from shared.domain.errors import InvalidInput

MAX_SCRIPT = 255


def checked_script(name: str) -> str:
    """Return the script's name in normal form (NFC), as it is stored and sent.

    Raises:
        InvalidInput: on field `script`, with the first rule that the name breaks.
    """
    normal = unicodedata.normalize("NFC", name)
    problem = _problem(normal)
    if problem is not None:
        raise InvalidInput("script", problem)
    return normal


def _problem(name: str) -> str | None:
    if not name:
        return "Choose a script from the scripts directory."
    if len(name.encode("utf-8", "surrogatepass")) > MAX_SCRIPT:
        return f"The script's path is longer than {MAX_SCRIPT} bytes. Use a shorter one."
    if any(unicodedata.category(character) in {"Cc", "Cf", "Cs"} for character in name):
        return "The script's path holds a control character. Type it again by hand."
    if "\\" in name:
        return "Use / between folders, not \\."
    if name.startswith("/"):
        return "Give the path relative to the scripts directory, without a leading /."
    return next((problem for part in name.split("/") if (problem := _part_problem(part))), None)


def _part_problem(part: str) -> str | None:
    if part in {"", "."}:
        return "The script's path has an empty part. Remove the doubled / or the single dot."
    if part == "..":
        return "A script must lie inside the scripts directory: the path may not contain '..'."
    if part.startswith("."):
        return f"Hidden files cannot be run: rename {part!r} so that it does not start with a dot."
    if part != part.strip():
        return f"{part!r} starts or ends with a space. Rename it."
    return None
