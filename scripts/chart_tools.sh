#!/usr/bin/env bash
# Builds what the chart's tests use into build/bin, from pinned Go modules and one Python package, and the schemas of Kubernetes
# objects into build/schemas. What is there is left alone. About ten minutes cold on two cores; GOMAXPROCS=1 is kinder.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=$PWD/build/bin
mkdir -p "$bin"

install() { # NAME MODULE/PACKAGE VERSION
    [ -x "$bin/$1" ] && return
    echo "building $1 $3"
    GOBIN="$bin" GOFLAGS=-buildvcs=false go install -p "${GOMAXPROCS:-2}" -ldflags "-s -w" "$2@$3"
}

command -v go >/dev/null || { echo "got no Go, expected 1.25 or newer; install it, or put helm, promtool and kubeconform on the PATH"; exit 1; }
install kubeconform github.com/yannh/kubeconform/cmd/kubeconform v0.8.0
install helm helm.sh/helm/v4/cmd/helm v4.3.1
install promtool github.com/prometheus/prometheus/cmd/promtool v0.316.0

if [ ! -x "$bin/checkov" ]; then
    echo "installing checkov into an environment of its own: its pins are not ours"
    "${PYTHON:-python3}" -m venv build/checkov
    build/checkov/bin/pip install --quiet --disable-pip-version-check checkov==3.3.30
    ln -sf ../checkov/bin/checkov "$bin/checkov"
fi

"${PYTHON:-python3}" scripts/chart_schemas.py build/schemas
