#!/bin/sh
# Tries the hostile scripts of tests/sandbox in a container as compose.yaml makes them for executors, on any host
# with Docker. About two minutes; exit code 1 when a script did something else than its head says.
set -eu
cd "$(dirname "$0")/.."
export COMPOSE_FILE=compose.yaml:deploy/proof/corpus.yaml COMPOSE_PROJECT_NAME=portal-corpus COMPOSE_PROFILES=
export PORTAL_IMAGE= PORTAL_VERSION=proof PORTAL_SANDBOX_READABLE= PORTAL_SANDBOX_WRITABLE= COMPOSE_PROGRESS=quiet
gone() { docker compose down --volumes --remove-orphans --timeout 10; }
trap gone EXIT
trap 'exit 130' INT TERM
docker compose build executor
docker compose run --rm --no-deps corpus
