#!/usr/bin/env bash
# Builds a Kubernetes node's programs into build/cluster/bin, from pinned Go modules: one program that is every component and kubectl,
# and CoreDNS. What is there is left alone. Ten minutes cold on two cores; GOMAXPROCS=1 is kinder. Helm is chart_tools.sh's.
set -euo pipefail
cd "$(dirname "$0")/../.."
bin=$PWD/build/cluster/bin
mkdir -p "$bin"
command -v go >/dev/null || { echo "got no Go, expected 1.25 or newer; install it, or set KUBECONFIG to test on a cluster of yours"; exit 1; }

if [ ! -x "$bin/kubenode" ]; then
    # 1.34 is the last minor whose kubelet takes cgroup v1, which some hosts still have.
    version=1.34.4
    echo "building Kubernetes $version"
    flags="-s -w"
    for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
        flags+=" -X $package.gitVersion=v$version -X $package.gitMajor=1 -X $package.gitMinor=34"
    done
    (cd scripts/cluster/kubenode && go build -trimpath -buildvcs=false -p "${GOMAXPROCS:-2}" -ldflags "$flags" -o "$bin/kubenode" .)
fi
for name in kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy kubectl; do ln -sf kubenode "$bin/$name"; done

if [ ! -x "$bin/coredns" ]; then
    echo "building CoreDNS 1.14.7"
    GOBIN="$bin" GOFLAGS=-buildvcs=false go install -p "${GOMAXPROCS:-2}" -ldflags "-s -w" github.com/coredns/coredns@v1.14.7
fi
