#!/usr/bin/env bash
# Builds the services' images with the first of docker, podman and buildah that works.
# usage: images/build.sh [SERVICE ...]      gateway, thinker and performer when none is named
# environment, all optional:
#   REGISTRY      before the names: registry.example.com gives registry.example.com/wan-streamer/gateway
#   TAG           the version when empty
#   BASE          a Debian or Ubuntu image with Python 3.11 or newer and its venv module, instead of the Dockerfiles' own
#   TORCH_INDEX   an index with another torch, for example https://download.pytorch.org/whl/cpu
#   BUILDER       docker, podman or buildah
#   BUILD_FLAGS   further options of its build command
set -euo pipefail
cd "$(dirname "$0")/.."
builder=$(images/builder.sh)
version=$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
revision=$(git describe --always --abbrev=40 --dirty 2>/dev/null || echo unknown)
created=$(git log -1 --format=%cI 2>/dev/null || date -u +%Y-%m-%dT%H:%M:%SZ)

# As options, not as arguments of the Dockerfiles: buildah takes a LABEL from its cache whatever the value of its ARG.
flags=(--label "org.opencontainers.image.version=$version" --label "org.opencontainers.image.revision=$revision")
flags+=(--label "org.opencontainers.image.created=$created")
[ -z "${BASE:-}" ] || flags+=(--build-arg "BASE=$BASE" --label "org.opencontainers.image.base.name=$BASE")
# Their builds keep no layers by themselves; with them thinker and performer share all but the last.
[ "$builder" = docker ] || flags+=(--layers)
read -ra more <<<"${BUILD_FLAGS:-}"

services=("$@")
[ $# -gt 0 ] || services=(gateway thinker performer)
for service in "${services[@]}"; do
    [ -f "images/$service.Dockerfile" ] || { echo "got service $service, expected gateway, thinker or performer" >&2; exit 1; }
    own=()
    [ "$service" = gateway ] || [ -z "${TORCH_INDEX:-}" ] || own+=(--build-arg "TORCH_INDEX=$TORCH_INDEX")
    name=${REGISTRY:+$REGISTRY/}wan-streamer/$service:${TAG:-$version}
    echo "building $name with $builder"
    DOCKER_BUILDKIT=1 "$builder" build "${flags[@]}" "${own[@]}" "${more[@]}" --file "images/$service.Dockerfile" --tag "$name" .
done
