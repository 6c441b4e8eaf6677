#!/usr/bin/env bash
# Prints which of docker, podman and buildah builds images here; BUILDER names one. There and not working is the same as not there:
# docker's command without its daemon is common.
set -euo pipefail
for builder in ${BUILDER:-docker podman buildah}; do
    if "$builder" info >/dev/null 2>&1; then
        echo "$builder"
        exit 0
    fi
done
echo "got none of ${BUILDER:-docker, podman and buildah} that works ('docker info' and so on), expected one; on Debian or Ubuntu: sudo apt-get install buildah" >&2
exit 1
