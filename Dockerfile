# One image per service, each with its own packages only: an executor has no database and no web stack.
#   docker build --target runtime .   executor
#   docker build --target scheduler . scheduler, and the one-shots that migrate and make secrets
#   docker build --target ui .        portal
ARG PYTHON_IMAGE=python:3.13-slim-trixie
ARG UV_IMAGE=ghcr.io/astral-sh/uv:0.13.9

FROM ${UV_IMAGE} AS uv

FROM ${PYTHON_IMAGE} AS build
COPY --from=uv /uv /usr/local/bin/uv
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never
RUN uv venv --quiet --python /usr/local/bin/python3 /opt/portal
WORKDIR /app
COPY deploy/ready.py ./
COPY services/__init__.py services/
COPY shared shared

# chmod below: a checkout keeps the modes of its maker's umask, and the services are nobody's owner.
FROM build AS build-runtime
COPY deploy/requirements/executor.lock ./
RUN --mount=type=cache,target=/root/.cache/uv \
    uv pip sync --quiet --require-hashes --python /opt/portal executor.lock && rm -r executor.lock shared/db
COPY services/executor services/executor
RUN /opt/portal/bin/python -m compileall -q --invalidation-mode unchecked-hash . \
    && chmod -R a+rX .

FROM build AS build-scheduler
COPY deploy/requirements/scheduler.lock ./
RUN --mount=type=cache,target=/root/.cache/uv \
    uv pip sync --quiet --require-hashes --python /opt/portal scheduler.lock && rm scheduler.lock
COPY services/cli services/cli
COPY services/scheduler services/scheduler
RUN /opt/portal/bin/python -m compileall -q --invalidation-mode unchecked-hash . \
    && chmod -R a+rX .

FROM build AS build-ui
COPY deploy/requirements/ui.lock ./
RUN --mount=type=cache,target=/root/.cache/uv \
    uv pip sync --quiet --require-hashes --python /opt/portal ui.lock && rm ui.lock
COPY services/cli services/cli
COPY services/ui services/ui
RUN /opt/portal/bin/python -m compileall -q --invalidation-mode unchecked-hash . \
    && chmod -R a+rX .

FROM ${PYTHON_IMAGE} AS base
# A named volume takes its owner from the folder in the image.
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /data --shell /usr/sbin/nologin portal \
    && install --directory --owner=10001 --group=10001 --mode=0700 /data \
    && install --directory --owner=10001 --group=10001 --mode=0755 /var/cache/portal-environments \
    && install --directory --mode=0755 /var/lib/portal-states
ENV PATH=/opt/portal/bin:$PATH \
    PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PYTHONTZPATH= \
    PORTAL_HOME=/data PORTAL_SCRIPTS_DIR=/scripts PORTAL_HEALTH_PORT=8081 PORTAL_LOG_FORMAT=json
WORKDIR /app
USER 10001:10001
ENTRYPOINT ["python", "-m"]
# Unhealthy after a minute: who restarts such containers must not kill scripts because RabbitMQ restarts.
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s --retries=12 CMD ["python", "-IS", "/app/ready.py"]

FROM base AS scheduler
COPY --from=build-scheduler /opt/portal /opt/portal
COPY --from=build-scheduler /app /app
CMD ["services.scheduler"]

FROM base AS ui
# Listens inside its container only until somebody says where its port is published.
ENV PORTAL_UI_PORT=8080 PORTAL_HEALTH_PORT=8080
COPY --from=build-ui /opt/portal /opt/portal
COPY --from=build-ui /app /app
EXPOSE 8080
CMD ["services.ui"]

FROM base AS runtime
ENV PORTAL_SCRIPT_PYTHON=/usr/local/bin/python3
COPY --from=build-runtime /opt/portal /opt/portal
COPY --from=build-runtime /app /app
CMD ["services.executor"]
