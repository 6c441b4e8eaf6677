# The thinker: torch and the model, nano's weights among it. `make images` builds it; the context is the repository.
# Thinker and performer are the same but for the service: they share every layer but the last.
ARG BASE=docker.io/library/python:3.13.15-slim-trixie@sha256:7c61056e61ac89e852de05f3dc6fa51a6dd2181797bceed46aa725dd7cb2cd3b

# What builds and does not travel: pip and protoc.
FROM ${BASE} AS tools
WORKDIR /build
COPY pyproject.toml constraints.txt images/*.py ./
RUN python3 -m venv /opt/tools \
    && /opt/tools/bin/pip install --no-cache-dir --disable-pip-version-check --only-binary :all: -c constraints.txt grpcio-tools

# The code and the stubs of its protocol, compiled: the root may be read-only.
FROM tools AS code
COPY protos protos
COPY wan_streamer/*.py wan_streamer/py.typed /app/wan_streamer/
COPY wan_streamer/engine /app/wan_streamer/engine
COPY wan_streamer/model /app/wan_streamer/model
COPY wan_streamer/rpc /app/wan_streamer/rpc
COPY wan_streamer/telemetry /app/wan_streamer/telemetry
COPY wan_streamer/weights /app/wan_streamer/weights
COPY services/__init__.py /app/services/
COPY LICENSE NOTICE /app/
RUN /opt/tools/bin/python -m grpc_tools.protoc -I protos --python_out=/app --grpc_python_out=/app protos/wan_streamer/v1/*.proto \
    && touch /app/wan_streamer/v1/__init__.py \
    && python3 -m compileall -q --invalidation-mode unchecked-hash /app

FROM ${BASE}
RUN groupadd --gid 10001 wan-streamer \
    && useradd --uid 10001 --gid 10001 --no-log-init --no-create-home --home-dir /tmp --shell /usr/sbin/nologin wan-streamer
# Another index of packages, for a torch without CUDA: https://download.pytorch.org/whl/cpu
ARG TORCH_INDEX=
RUN --mount=type=bind,from=tools,target=/mnt \
    python3 -m venv --without-pip /opt/venv \
    && python3 /mnt/build/requirements.py --extra engine --without av --without pillow --without pyjwt --without soxr \
        < /mnt/build/pyproject.toml > /tmp/requirements.txt \
    && /mnt/opt/tools/bin/python -m pip --python /opt/venv --no-cache-dir --disable-pip-version-check \
        install --only-binary :all: -c /mnt/build/constraints.txt -r /tmp/requirements.txt ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} \
    && rm -r /tmp/*
ENV PATH=/opt/venv/bin:$PATH PYTHONPATH=/app PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOME=/tmp
WORKDIR /app
COPY --from=code /app /app
COPY services/thinker /app/services/thinker
USER 10001:10001
EXPOSE 7301
ENTRYPOINT ["python", "-m", "services.thinker"]
CMD ["--host=0.0.0.0", "--port=7301"]
# Version, revision and time of making come from images/build.sh.
LABEL org.opencontainers.image.title="wan-streamer thinker" \
    org.opencontainers.image.description="Hears, sees and speaks for the full-duplex audio-visual agent" \
    org.opencontainers.image.source="https://github.com/wan-streamer/wan-streamer" \
    org.opencontainers.image.licenses="Apache-2.0"
