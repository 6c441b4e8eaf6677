#!/usr/bin/env bash
# Builds what the chart's tests use into build/bin, from pinned Go modules and one Python package, and the schemas of Kubernetes
# objects into build/schemas. What is there is left alone. About ten minutes cold on two cores; GOMAXPROCS=1 is kinder.
# usage: scripts/chart_tools.sh [helm]      with `helm` that alone
set -euo pipefail
cd "$(dirname "$0")/.."
bin=$PWD/build/bin
mkdir -p "$bin"
# -trimpath as in cluster/build.sh: what both compile is compiled once.
export GOFLAGS="-trimpath -buildvcs=false"

install() { # NAME MODULE/PACKAGE VERSION
    [ -x "$bin/$1" ] && return
    echo "building $1 $3"
    GOBIN="$bin" go install -p "${GOMAXPROCS:-2}" -ldflags "-s -w" "$2@$3"
}

command -v go >/dev/null || { echo "got no Go, expected 1.25 or newer; install it, or put helm, promtool and kubeconform on the PATH"; exit 1; }
install helm helm.sh/helm/v4/cmd/helm v4.3.1
[ "${1:-}" != helm ] || exit 0
install kubeconform github.com/yannh/kubeconform/cmd/kubeconform v0.8.0

# Its module has replace directives, which `go install` refuses: built inside the module, by its own pins. Without the discovery of
# clouds, which testing rules does not need and which would be most of the work.
if [ ! -x "$bin/promtool" ]; then
    echo "building promtool 3.13.5"
    module=$(go mod download -json github.com/prometheus/prometheus@v0.313.5 | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
    (cd "$module" && GOWORK=off go build -p "${GOMAXPROCS:-2}" -tags remove_all_sd -ldflags "-s -w" -o "$bin/promtool" ./cmd/promtool)
fi

if [ ! -x "$bin/checkov" ]; then
    echo "installing checkov into an environment of its own: its pins are not ours"
    "${PYTHON:-python3}" -m venv build/checkov
    build/checkov/bin/pip install --quiet --disable-pip-version-check checkov==3.3.30
    ln -sf ../checkov/bin/checkov "$bin/checkov"
fi

"${PYTHON:-python3}" scripts/chart_schemas.py build/schemas
