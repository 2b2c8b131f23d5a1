# The image of every role; the command says which.
FROM python:3.11.14-slim-bookworm AS build

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /build
RUN python -m venv /opt/metrics-ai
COPY requirements/core.txt requirements/
RUN /opt/metrics-ai/bin/pip install --require-hashes --no-deps -r requirements/core.txt
COPY pyproject.toml README.md LICENSE ./
COPY schemas schemas
COPY streams streams
COPY models models
COPY slo slo
COPY runbooks runbooks
COPY incidents incidents
COPY integrations integrations
COPY agents agents
COPY console console
COPY metrics_ai metrics_ai
RUN /opt/metrics-ai/bin/pip install --no-deps --no-build-isolation .

FROM python:3.11.14-slim-bookworm

RUN groupadd --gid 10001 metrics-ai \
    && useradd --uid 10001 --gid metrics-ai --no-create-home --home-dir /var/lib/metrics-ai metrics-ai \
    && install -d -o metrics-ai -g metrics-ai /var/lib/metrics-ai /var/lib/metrics-ai-history
COPY --from=build /opt/metrics-ai /opt/metrics-ai
# numba keeps compiled kernels where its user may write.
ENV PATH=/opt/metrics-ai/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    NUMBA_CACHE_DIR=/var/lib/metrics-ai/numba
USER 10001:10001
WORKDIR /var/lib/metrics-ai
# The volume starts with the kernels compiled; a host with another CPU compiles them anew.
RUN python -m metrics_ai.precompile
EXPOSE 8080
ENTRYPOINT ["metrics-ai"]
CMD ["--help"]
