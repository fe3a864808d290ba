#!/bin/sh
# Proves the containers on any host with Docker: builds them, runs a portal of its own beside yours, kills and
# replaces its parts under load, and compares the ledger with what the scripts testify. About five minutes.
#   deploy/prove.sh                                   on SQLite
#   deploy/prove.sh postgres                          on PostgreSQL
# Ends with counts; exit code 1 when a promise was broken. KEEP=1 leaves it running to look at.
set -eu
cd "$(dirname "$0")/.."
# Nothing of yours is used: what these set empty may stand in your .env, a database above all.
export COMPOSE_PROFILES= PORTAL_DATABASE_URL= PORTAL_EXECUTOR_POOLS= PORTAL_EXECUTOR_PREFIX= PORTAL_EXECUTOR_SLOTS=
export COMPOSE_FILE=compose.yaml:deploy/proof/compose.yaml PORTAL_SANDBOX= PORTAL_SANDBOX_READABLE=
export PORTAL_IMAGE= PORTAL_VERSION=proof COMPOSE_PROJECT_NAME=portal-proof
export PORTAL_SCRIPTS=./deploy/proof/scripts PORTAL_EXECUTORS=2
export PORTAL_PORT="${PORTAL_PORT:-18080}" PORTAL_CONSOLE_PORT="${PORTAL_CONSOLE_PORT:-25672}"
export PORTAL_STOP_GRACE=60s COMPOSE_PROGRESS=quiet
if [ "${1:-}" = postgres ]; then
    export COMPOSE_PROFILES=postgres
    export PORTAL_DATABASE_URL=postgresql://portal@postgres/portal
fi
began=$(date +%s)
now() { date -u +%Y-%m-%dT%H:%M:%SZ; }
say() { printf '%4d s  %s\n' "$(($(date +%s) - began))" "$*"; }
portal() { docker compose exec -T ui python -c "$(cat deploy/proof/portal.py)" "$@"; }
executors() { docker compose ps --quiet executor; }
killed_by_hand() { docker compose kill --signal KILL "$1" && docker compose up -d --no-recreate; }
gone() { docker compose --profile '*' down --volumes --remove-orphans --timeout 60; }
finish() {
    code=$?
    [ "$code" = 0 ] || docker compose logs --no-color --tail 30 || true
    [ -n "${KEEP:-}" ] || gone
    exit "$code"
}

gone
trap finish EXIT
trap 'exit 130' INT TERM
say "build"
docker compose build
docker images --format '        {{.Repository}} {{.Size}}' 'job-trigger-portal-*:proof'

# Each run is another user: the folder is everybody's, and so is the file.
docker compose run --rm --no-deps --user 0:0 --entrypoint sh executor -c \
    'touch /witness/starts && chmod 0777 /witness && chmod 0666 /witness/starts'
say "up: from images to the first succeeded run"
from=$(date +%s)
docker compose up -d --wait
say "all healthy"
first=$(portal create first tick.py 1 fail 0)
portal succeeds "$first"
took=$(($(date +%s) - from))
say "first succeeded run after $took s"
[ "$took" -le 60 ] || { echo "slower than 60 s"; exit 1; }

say "what a nosy script in an executor's container finds"
address() { docker inspect --format "{{(index .NetworkSettings.Networks \"${COMPOSE_PROJECT_NAME}_$2\").$3}}" "$1"; }
ui=$(docker compose ps --quiet ui)
one=$(executors | head -n 1)
snoop=$(portal create snoop snoop.py 0 fail ui:8080 scheduler:8081 postgres:5432 "$(address "$ui" core IPAddress):8080" \
    "$(address "$one" executors Gateway):$PORTAL_PORT")
portal run "$snoop"
docker compose exec -T --user 10001 executor python -c '
import importlib.util
found = [name for name in ("sqlalchemy", "asyncpg", "nicegui", "fastapi") if importlib.util.find_spec(name)]
print("    installed for an executor:", found or "no database, no web stack")
raise SystemExit(bool(found))
'

say "load: four jobs every second, one of them retried when it is lost"
for n in 1 2 3; do portal create "load $n" tick.py 1 fail "0.$n" >/dev/null; done
portal create "load with retry" tick.py 1 retry 3 >/dev/null
portal succeeds "$first" 5

say "scale to 5 executors"
docker compose up -d --wait --no-recreate --scale executor=5
portal online 5
portal succeeds "$first" 5
say "and back to 2: three drain"
docker compose up -d --wait --no-recreate --scale executor=2
portal online 2

victim=$(executors | head -n 1)
name=$(portal busy "$(docker inspect --format '{{.Config.Hostname}}' "$victim")")
restarts() { docker inspect --format '{{.RestartCount}}' "$victim"; }
before=$(restarts)
say "kill -9 of executor $name in the middle of its runs"
docker exec --user 0 "$victim" python -c '
import os, pathlib
for p in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
    if p.read_bytes().split(b"\0")[1:3] == [b"-m", b"services.executor"]:
        os.kill(int(p.parent.name), 9)
' || true # its container ends before it can answer
killed_at=$(now)
for _ in 1 2 3 4 5 6 7 8 9; do [ "$(restarts)" = "$before" ] && sleep 1; done
[ "$(restarts)" != "$before" ] || { say "the executor was not killed"; exit 1; }
portal online 2
portal succeeds "$first" 5

say "RabbitMQ restarted, then killed"
docker compose restart rabbitmq
portal succeeds "$first" 3
killed_by_hand rabbitmq
portal succeeds "$first" 3

say "scheduler and ui killed"
killed_by_hand scheduler
killed_by_hand ui
portal succeeds "$first" 3

say "executors replaced one by one: new ones first, then the old ones drain"
old=$(executors)
docker compose up -d --wait --no-recreate --scale executor=4
for container in $old; do docker stop -t 60 "$container" >/dev/null && docker rm "$container" >/dev/null; done
docker compose up -d --wait --no-recreate --scale executor=2
portal online 2
portal succeeds "$first" 3

say "down, and up again with its data"
down_at=$(now)
docker compose down --timeout 60
docker compose up -d --wait
portal online 2
portal succeeds "$first" 3
up_at=$(now)

say "all jobs paused; the ledger against the witness"
portal pause
docker compose exec -T --user 10001 executor cat /witness/starts | portal account "$name" "$killed_at" "$down_at" "$up_at"
