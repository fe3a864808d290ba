"""The OpenAPI document, and whether the API is as it says: schemathesis asks a real ui, whose broker is away.

PORTAL_FUZZ=50 makes so many requests of each route by chance, and all those that its phases make by system.
"""

import asyncio
import os
import sys
from pathlib import Path

import httpx
import pytest

from services.ui.api.described import ANSWERS
from services.ui.api.openapi import operations
from tests.integration.ui.test_service import JOB, a_ui

LOCK = Path(__file__).parents[3] / "deploy" / "requirements" / "checks.lock"
EXAMPLES = os.environ.get("PORTAL_FUZZ", "")
PHASES = ("--max-examples", EXAMPLES) if EXAMPLES else ("--max-examples", "2", "--phases", "fuzzing")
# What a schema cannot say, such as that a script is there, is judged later: what fits it may be refused.
# A path's other methods are answered by 404 or 405, as whether it has a page says.
NOT_CHECKED = "positive_data_acceptance,unsupported_method"


async def test_every_route_is_described_and_nothing_else(client: httpx.AsyncClient) -> None:
    document = (await client.get("/api/openapi.json")).json()

    assert document["openapi"].startswith("3.1")
    assert {name for name, _ in operations(document)} == set(ANSWERS)
    assert [name for name, one in operations(document) if "default" not in one["responses"]] == []


@pytest.mark.timeout(7_200 if EXAMPLES else 300)
@pytest.mark.parametrize("is_known", [True, False], ids=["a job and a run that are there", "made-up ones"])
async def test_the_api_is_as_its_document_says(home: Path, is_known: bool) -> None:
    not_checked = NOT_CHECKED
    async with a_ui(home) as ui:
        if is_known:
            (home / "schemathesis.toml").write_text(await known_ids(ui.client()))
            # They are put in also where an id that is none is to be refused.
            not_checked += ",negative_data_rejection"
        process = await asyncio.create_subprocess_exec(
            *(Path(sys.executable).with_name("uv"), "run", "--quiet", "--no-project"),
            *("--with-requirements", LOCK, "--", "schemathesis", "run", f"{ui.url}/api/openapi.json"),
            *(*PHASES, "--seed", "1", "--no-color", "--warnings", "off", "--exclude-checks", not_checked),
            *("--header", f"Authorization: {ui.client().headers['authorization']}"),
            cwd=home,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await process.communicate()

    assert process.returncode == 0, said.decode()


async def known_ids(client: httpx.AsyncClient) -> str:
    """Return a job and a run of it as schemathesis is to put them into paths."""
    async with client:
        job_id = (await client.post("/api/v1/jobs", json=JOB)).json()["id"]
        run_id = (await client.post(f"/api/v1/jobs/{job_id}/run")).json()["run_id"]
    return f'[parameters]\n"path.job_id" = "{job_id}"\n"path.run_id" = "{run_id}"\n'
