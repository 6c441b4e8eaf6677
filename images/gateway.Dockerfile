# The gateway: no torch, no FFmpeg. `make images` builds it; the context is the repository.
ARG BASE=docker.io/library/python:3.13.15-slim-trixie@sha256:7c61056e61ac89e852de05f3dc6fa51a6dd2181797bceed46aa725dd7cb2cd3b

# What builds and does not travel: pip, protoc and strip.
FROM ${BASE} AS tools
WORKDIR /build
# hadolint ignore=DL3008
RUN apt-get update && apt-get install --yes --no-install-recommends binutils && rm -r /var/lib/apt/lists/*
COPY pyproject.toml constraints.txt images/*.py ./
RUN python3 -m venv /opt/tools \
    && /opt/tools/bin/pip install --no-cache-dir --disable-pip-version-check --only-binary :all: -c constraints.txt grpcio-tools

# The packages, made small: no FFmpeg, tests, debugging symbols, AVIF, WebP and fonts; what is Python alone goes into one zip.
FROM tools AS packages
RUN python3 -m venv --without-pip /opt/venv \
    && python3 requirements.py --extra gateway --without av < pyproject.toml > requirements.txt \
    && /opt/tools/bin/pip --python /opt/venv install --no-compile --no-cache-dir --disable-pip-version-check --only-binary :all: \
        -c constraints.txt -r requirements.txt
# hadolint ignore=DL3003
RUN cd /opt/venv/lib/python3*/site-packages \
    && find . -type d -name tests -prune -exec rm -r {} + \
    && find . -name '*.pyi' -delete \
    && rm PIL/_avif.* PIL/_imagingcms.* PIL/_imagingft.* PIL/_webp.* \
    && rm pillow.libs/libavif* pillow.libs/libbrotli* pillow.libs/libfreetype* pillow.libs/libharfbuzz* pillow.libs/liblcms2* \
        pillow.libs/libsharpyuv* pillow.libs/libwebp* \
    && strip --strip-debug PIL/*.so aiohttp/*.so aiohttp/*/*.so frozenlist/*.so multidict/*.so propcache/*.so uvloop/*.so yaml/*.so yarl/*.so \
    && python3 /build/pack.py . \
    && python3 -m compileall -q --invalidation-mode unchecked-hash .

# The code and the stubs of its protocol, compiled: the root may be read-only.
FROM tools AS code
COPY protos protos
COPY wan_streamer/*.py wan_streamer/py.typed /app/wan_streamer/
COPY wan_streamer/client /app/wan_streamer/client
COPY wan_streamer/media /app/wan_streamer/media
COPY wan_streamer/rpc /app/wan_streamer/rpc
COPY wan_streamer/telemetry /app/wan_streamer/telemetry
COPY services/__init__.py /app/services/
COPY services/gateway /app/services/gateway
COPY LICENSE NOTICE /app/
RUN /opt/tools/bin/python -m grpc_tools.protoc -I protos --python_out=/app --grpc_python_out=/app protos/wan_streamer/v1/*.proto \
    && touch /app/wan_streamer/v1/__init__.py \
    && python3 -m compileall -q --invalidation-mode unchecked-hash /app

FROM ${BASE}
RUN groupadd --gid 10001 wan-streamer \
    && useradd --uid 10001 --gid 10001 --no-log-init --no-create-home --home-dir /tmp --shell /usr/sbin/nologin wan-streamer
COPY --from=packages /opt/venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH PYTHONPATH=/app PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOME=/tmp
WORKDIR /app
COPY --from=code /app /app
USER 10001:10001
EXPOSE 7300
ENTRYPOINT ["python", "-m", "services.gateway"]
CMD ["--host=0.0.0.0", "--port=7300"]
# Version, revision and time of making come from images/build.sh.
LABEL org.opencontainers.image.title="wan-streamer gateway" \
    org.opencontainers.image.description="What clients of the full-duplex audio-visual agent talk to" \
    org.opencontainers.image.source="https://github.com/wan-streamer/wan-streamer" \
    org.opencontainers.image.licenses="Apache-2.0"
