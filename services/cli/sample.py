"""The job that greets a newcomer: made once, by the same API that a person's program would use."""

from services.cli.console import Console
from services.cli.home import Home
from services.cli.probe import request

_JOB = {
    "name": "hello",
    "description": "Sample: says hello every ten seconds.",
    "script": "hello.py",
    "schedule": {"kind": "interval", "every_s": 10},
}
_CONFLICT = 409


async def seed(home: Home, portal_url: str, console: Console) -> None:
    """Make the sample job unless this home ever had it; a refusal is told, it does not stop the start."""
    if home.seeded.exists():
        return
    try:
        answer = await request(
            "POST", f"{portal_url}/api/v1/jobs", body=_JOB, authorization=local_bearer(home)
        )
    except OSError as error:
        console.step("sample", f"the sample job could not be made: {error}")
        return
    if answer.status < 300 or answer.status == _CONFLICT:  # noqa: PLR2004 - HTTP's successes
        home.seeded.touch()
        console.step("sample", "job hello runs every 10 seconds")
    else:
        console.step("sample", f"the sample job was refused ({answer.status}): {answer.body}")


def local_bearer(home: Home) -> str:
    """Return the `Authorization` of this machine's command line. Raises OSError where there is no key yet."""
    return f"Bearer {home.local_key.read_text('ascii').strip()}"
