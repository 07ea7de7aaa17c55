# The worker (and the command line) of this project.

FROM python:3.12.13-slim-bookworm AS build
ENV PIP_CONSTRAINT=/src/constraints.txt PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
RUN python -m venv /opt/gnosari
COPY constraints.txt pyproject.toml README.md LICENSE ./
COPY gnosari_temporal/ gnosari_temporal/
COPY workflows/ workflows/
COPY activities/ activities/
# `agents` runs teams with tools; `tools` runs tools alone, without the LLM library.
ARG EXTRAS=agents
RUN /opt/gnosari/bin/pip install ".[${EXTRAS}]"

FROM python:3.12.13-slim-bookworm
RUN useradd --uid 10001 --create-home --shell /usr/sbin/nologin gnosari
COPY --from=build /opt/gnosari /opt/gnosari
ENV PATH=/opt/gnosari/bin:$PATH PYTHONUNBUFFERED=1
WORKDIR /app
COPY workflows/ workflows/
COPY activities/ activities/
USER 10001
# In exec form the worker itself gets SIGTERM, and lets running jobs finish.
STOPSIGNAL SIGTERM
CMD ["gnosari", "worker"]
