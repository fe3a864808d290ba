"""Crontabs and older portals' rows as jobs: each line is one, or is told why not."""

import subprocess
from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.cli.cron_command import started_by, wrapped
from services.cli.from_crontab import CrontabReader, Reading
from services.cli.from_portal import ZONE, jobs_of
from services.cli.taken import Imported
from services.ui.documents.checked import checked_entry
from services.ui.documents.document import read_document, write_document
from shared.domain.errors import InvalidInput, ScheduleError
from shared.domain.schedules import check_possible, from_json, parse_cron, timetable

FACTS = Path(__file__).parents[3] / "facts"
EXPRESSIONS = (FACTS / "real_expressions.txt").read_text("utf-8").splitlines()[:500]
NOW = datetime(2026, 11, 30, 8, tzinfo=UTC)
ROOT = PurePosixPath("/opt/jobs")
# How people write commands, and the arguments with which a script is started; None: a shell is needed.
SHAPES: list[tuple[str, list[str] | None]] = [
    ("/opt/jobs/backup.sh", []),
    ("/opt/jobs/reports/daily.py --day today 'two words'", ["--day", "today", "two words"]),
    ("/opt/jobs/backup.sh > /dev/null 2>&1", []),
    ("/opt/jobs/backup.sh full >/dev/null", ["full"]),
    ("/usr/bin/python3 /opt/jobs/reports/daily.py -v 2>&1", ["-v"]),
    ("sh /opt/jobs/backup.sh", []),
    (r"/opt/jobs/backup.sh 100\%", ["100%"]),
    ("cd /srv/app && /opt/jobs/backup.sh", None),
    ("/opt/jobs/backup.sh >> /var/log/backup.log 2>&1", None),
    ("/opt/jobs/backup.sh | logger -t backup", None),
    ("test -x /opt/jobs/backup.sh && /opt/jobs/backup.sh", None),
    ("/usr/bin/certbot renew -q", None),
    ("/opt/jobs/../../bin/true", None),
    ("/opt/jobs/backup.sh $(date +\\%F)", None),
    ("/opt/jobs/backup.sh%first line%second", None),
    ("/opt/jobs/backup.sh arg1>/tmp/x", None),
    ("/opt/jobs/backup.sh arg1>/dev/null", ["arg1"]),
    ("/opt/jobs/backup.sh $HOME", None),
    ("mysqldump shop | gzip > /var/backups/shop.gz", None),
]


def read(text: str, *, has_users: bool = False, wrap: str | None = None) -> tuple[Imported, dict[str, str]]:
    reading = Reading(zone="Asia/Hong_Kong", scripts=ROOT, now=NOW, has_users=has_users, wrap=wrap)
    reader = CrontabReader(reading=reading)
    return reader.read(text), reader.scripts


def fires(expr: str) -> bool:
    try:
        check_possible(parse_cron(expr, anchor=NOW), "Asia/Hong_Kong", now=NOW)
    except ScheduleError:
        return False
    return True


@pytest.mark.parametrize("wrap", [None, "from-crontab"])
def test_each_of_500_real_lines_is_a_job_or_told_why_not(wrap: str | None) -> None:
    commands = [SHAPES[number % len(SHAPES)] for number in range(len(EXPRESSIONS))]
    lines = [f"{expr}\t{command}" for expr, (command, _) in zip(EXPRESSIONS, commands, strict=True)]

    found, scripts = read("\n".join(lines), wrap=wrap)

    assert [one.at for one in found.told] == [f"line {number}" for number in range(1, 501)]
    assert all((one.job is None) == bool(one.reason) for one in found.told)
    five = [len(expr.split()) == 5 or expr.startswith("@") for expr in EXPRESSIONS]
    for one, expr, (_, args), is_five in zip(found.told, EXPRESSIONS, commands, five, strict=True):
        if not is_five:
            continue  # its sixth word is the command's first
        assert (one.job is not None) == (fires(expr) and (args is not None or wrap is not None)), one
        if one.job is not None and args is not None:
            assert found.jobs[one.job].get("args", []) == args
    document = read_document(write_document(found.jobs, zone="Asia/Hong_Kong"))
    assert document.jobs == found.jobs
    assert len(found.jobs) > 150
    assert all(checked_entry(entry) for entry in document.jobs.values())
    wrapped_jobs = {entry["script"] for entry in found.jobs.values() if entry.get("paused")}
    assert wrapped_jobs == set(scripts)


def test_what_is_around_the_lines_is_understood() -> None:
    text = """# Nightly things
MAILTO="ops@example.org"
# Back it up.
15 2 * * 1-5 /opt/jobs/backup.sh
CRON_TZ=Europe/Berlin
@daily /opt/jobs/backup.sh
@reboot /opt/jobs/warm.sh
-*/5 * * * * /opt/jobs/poll.py
CRON_TZ=Mars/Olympus
0 1 * * * /opt/jobs/poll.py
CRON_TZ=UTC
DB=prod
0 2 * * * /opt/jobs/poll.py
"""
    found, _ = read(text)

    assert found.jobs["backup"] == {
        "description": "Back it up.",
        "script": "backup.sh",
        "schedules": ["15 2 * * 1-5"],
        "tags": ["crontab"],
        "timeout_s": 86_400,
    }
    assert found.jobs["backup (line 6)"]["schedules"] == [
        {"kind": "cron", "expr": "@daily", "zone": "Europe/Berlin"}
    ]
    assert "poll" in found.jobs
    reasons = {one.at: one.reason for one in found.told if one.reason}
    assert list(reasons) == ["line 7", "line 10", "line 13"]
    assert "@reboot names no instant" in reasons["line 7"]
    assert "Mars/Olympus" in reasons["line 10"]
    assert "sets DB for it; --wrap" in reasons["line 13"]
    assert "mail" in found.told[0].notes[0]


def test_a_system_crontab_names_users() -> None:
    found, _ = read("17 * * * * root /opt/jobs/backup.sh\n0 3 * * * root\n", has_users=True)

    assert found.jobs["backup"]["script"] == "backup.sh"
    assert "ran as root" in found.told[0].notes[0]
    assert "no command" in found.told[1].reason


def test_a_wrapped_command_does_what_cron_did(tmp_path: Path) -> None:
    variables = {"HOME": str(tmp_path), "WHO": "it's me", "SHELL": "/bin/sh"}
    text = wrapped(r"cat > out; echo $WHO 100\% >> out%one%two", line=3, variables=variables)

    subprocess.run(["/bin/sh", "-c", text], check=True, cwd="/")

    assert (tmp_path / "out").read_text() == "one\ntwo\nit's me 100%\n"


@given(text=st.one_of(st.text(), st.text("*@0159/,- \t\n#=%'\"\\|$>&2abROT_Z./opjs", max_size=200)))
@example("* * * * * /opt/jobs/x" + " >/dev/null" * 500 + " x")
@example("* * * * * " + "a" * 50_000)
@example("CRON_TZ=\n* * * * * /opt/jobs/x")
@example("* * * * * /opt/jobs/x\\")
@example("@every 1s /opt/jobs/x.sh '")
def test_any_crontab_is_read_and_every_line_is_told(text: str) -> None:
    for wrap in (None, "w"):
        found, _ = read(text, wrap=wrap)
        told = [
            line for line in text.split("\n") if (bare := line.strip(" \t\r")) and not bare.startswith("#")
        ]
        assert len(found.told) == len(told)
        write_document(found.jobs, zone=None)
        for entry in found.jobs.values():
            checked_entry(entry)


@given(words=st.lists(st.text("ab' \"\\$|;&<>(){}*?[]~#!%-", max_size=6), max_size=4))
def test_a_command_is_started_only_with_the_words_that_a_shell_would_make(words: list[str]) -> None:
    command = " ".join(["/opt/jobs/x.sh", *words])
    try:
        started = started_by(command, ROOT)
    except InvalidInput:
        return

    shell = 'for one in "$@"; do printf "%s\\0" "$one"; done'
    line = command.replace("\\%", "%")
    said = subprocess.run(
        ["/bin/sh", "-c", f"f() {{ {shell}; }}; f {line.removeprefix('/opt/jobs/x.sh')}"],
        capture_output=True,
        check=True,
    )
    assert said.stdout.decode().split("\0")[:-1] == list(started.args)


def old_instants(row: dict[str, object], since: datetime, days: int) -> set[datetime]:
    """Return when the older portal ran the row, by the plain calendar of UTC."""
    found = set()
    for number in range(days):
        day = since.date() + timedelta(days=number)
        hour, minute = map(int, str(row["schedule_time"]).split(":"))
        at = datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC)
        match row["schedule_type"]:
            case "hourly":
                found |= {at.replace(hour=every) for every in range(24)}
            case "daily":
                found.add(at)
            case "weekly" if day.weekday() == row["schedule_day"]:
                found.add(at)
            case "monthly" if day.day == row["schedule_day"]:
                found.add(at)
    return found


KINDS = st.one_of(
    st.fixed_dictionaries(
        {"schedule_type": st.just("hourly"), "schedule_time": st.integers(0, 59).map(lambda m: f"00:{m:02}")}
    ),
    st.fixed_dictionaries(
        {"schedule_type": st.just("daily"), "schedule_time": st.times().map(lambda t: f"{t:%H:%M}")}
    ),
    st.fixed_dictionaries(
        {
            "schedule_type": st.just("weekly"),
            "schedule_time": st.times().map(lambda t: f"{t:%H:%M}"),
            "schedule_day": st.integers(0, 6),
        }
    ),
    st.fixed_dictionaries(
        {
            "schedule_type": st.just("monthly"),
            "schedule_time": st.times().map(lambda t: f"{t:%H:%M}"),
            # From the 28th on the day before depends on the month: that is told, below.
            "schedule_day": st.integers(1, 27),
        }
    ),
)


@given(row=KINDS, since=st.dates(date(2000, 1, 1), date(2060, 1, 1)))
@example(row={"schedule_type": "weekly", "schedule_time": "16:00", "schedule_day": 6}, since=date(2026, 1, 1))
def test_every_instant_of_an_older_portal_stays(row: dict[str, object], since: date) -> None:
    begin = datetime(since.year, since.month, since.day, tzinfo=UTC)
    found = jobs_of([{"id": 1, "name": "a", "script_path": "a.py", "is_active": True, **row}])
    schedule = from_json(found.jobs["a"]["schedules"][0])  # type: ignore[index, arg-type]

    fires = timetable(schedule, ZONE).between(
        begin - timedelta(seconds=1), begin + timedelta(days=70, seconds=-1)
    )

    assert set(fires) == old_instants(row, begin, 70)
    hour = int(str(row["schedule_time"])[:2])
    is_shifted = hour >= 16 and row["schedule_type"] in {"weekly", "monthly"}
    assert bool(found.told[0].notes) == is_shifted


def test_a_month_of_an_older_portal_goes_back_to_the_day_that_was_meant() -> None:
    for meant in range(1, 32):
        for year, month in ((2026, 1), (2026, 4), (2027, 2), (2028, 2)):
            if meant > monthrange(year, month)[1]:
                continue
            stored = datetime(year, month, meant, 7, 30, tzinfo=UTC) - timedelta(
                hours=8
            )  # 07:30 in Hong Kong
            row = {"id": 1, "name": "a", "script_path": "a.py", "schedule_type": "monthly"}
            row |= {"schedule_time": f"{stored:%H:%M}", "schedule_day": stored.day}
            if meant == 1 and stored.day != 31:
                continue  # stored so, it is the same as of the day after

            entry = jobs_of([row]).jobs["a"]

            assert entry["schedules"] == [
                {"kind": "monthly", "at": "07:30", "day": meant, "short_months": "clamp"}
            ]


def test_what_an_older_portal_has_besides() -> None:
    found = jobs_of(
        [
            {"id": 1, "name": "a", "script_path": "scripts/a.py", "script_args": "--x 'b c'", "is_active": 0,
             "schedule_type": "interval", "interval_seconds": 90, "next_run": "2026-11-30 08:00:07.25"},
            {"id": 2, "name": "a", "script_path": "b.py", "schedule_type": "manual", "is_active": 1},
            {"id": 3, "name": "c", "script_path": "../c.py", "schedule_type": "manual"},
            {"id": 4, "name": "d", "script_path": "d.py", "schedule_type": "yearly"},
            {"id": 5, "name": "e", "script_path": "e.py", "schedule_type": "daily", "schedule_time": "25:00"},
            {"id": 6, "name": "f", "script_path": "f.py", "script_args": "'", "schedule_type": "manual"},
            {"id": 7, "name": "g", "script_path": "g.py", "schedule_type": "daily", "schedule_time": "01:00",
             "next_run": "2026-12-01 02:00:00"},
        ]
    )  # fmt: skip

    grid = {"kind": "interval", "every_s": 90, "anchor": "2026-11-30T07:58:37+00:00"}
    assert found.jobs["a"]["schedules"] == [grid]
    assert found.jobs["a"]["paused"] is True
    assert found.jobs["a"]["args"] == ["--x", "b c"]
    assert found.jobs["a"]["script"] == "a.py"
    assert "schedules" not in found.jobs["a 2"]
    assert [one.at for one in found.told if one.reason] == ["job 3", "job 4", "job 5", "job 6"]
    assert "2026-12-01 10:00" in found.told[6].notes[0]
    assert "2026-12-02 09:00" in found.told[6].notes[0]


CELLS = st.one_of(
    st.none(), st.text(), st.integers(), st.booleans(), st.datetimes(), st.floats(), st.binary()
)


@given(
    row=st.fixed_dictionaries(
        {},
        optional={
            "id": CELLS,
            "name": CELLS,
            "script_path": st.one_of(CELLS, st.just("a.py")),
            "script_args": CELLS,
            "interval_seconds": CELLS,
            "schedule_type": st.one_of(
                CELLS, st.sampled_from(["interval", "hourly", "daily", "weekly", "monthly"])
            ),
            "schedule_time": st.one_of(CELLS, st.just("23:30")),
            "schedule_day": CELLS,
            "is_active": CELLS,
            "next_run": CELLS,
        },
    )
)
def test_any_row_is_a_job_or_told_why_not(row: dict[str, object]) -> None:
    found = jobs_of([row])

    assert len(found.jobs) == 1 - found.refused
    write_document(found.jobs, zone=ZONE)
