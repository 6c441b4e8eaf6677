#!/usr/bin/env bash
# Makes a base image from Debian packages alone, for where no registry can be reached: Debian with its Python, no pip, no compiler.
# usage: images/base.sh [NAME]      environment: BUILDER, SUITE, MIRROR (a snapshot.debian.org date makes it the same every time)
set -euo pipefail
cd "$(dirname "$0")"
name=${1:-localhost/wan-streamer-base:trixie}
builder=$(./builder.sh)
[ "$(id -u)" = 0 ] || { echo "got user $(id -un), expected root: debootstrap makes device files and changes root; say 'sudo $0'" >&2; exit 1; }
command -v debootstrap >/dev/null || { echo "debootstrap is missing; on Debian or Ubuntu: sudo apt-get install debootstrap" >&2; exit 1; }

root=$(mktemp -d)
trap 'rm -rf --one-file-system "$root"' EXIT
debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates "${SUITE:-trixie}" "$root" "${MIRROR:-http://deb.debian.org/debian}"
# What nobody reads in a container, as Debian's own slim images leave it out, and what fetching and setting up left behind.
rm -rf "${root:?}"/usr/share/{doc,info,lintian,locale,man,zoneinfo}/* "$root"/var/{cache/apt/*,lib/apt/lists/*,log/*} "$root"/var/cache/debconf/*-old
rm -rf "${root:?}"/{dev,proc,sys,run,tmp}/*

if [ "$builder" = buildah ]; then
    container=$(buildah from scratch)
    buildah add --quiet "$container" "$root" / >/dev/null
    buildah config --cmd python3 "$container"
    buildah commit --quiet --rm "$container" "$name" >/dev/null
else
    tar -C "$root" -c . | "$builder" import --change 'CMD ["python3"]' - "$name" >/dev/null
fi
echo "$name"
