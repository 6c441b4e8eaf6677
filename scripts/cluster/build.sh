#!/usr/bin/env bash
# Builds a Kubernetes node's programs into build/cluster/bin, from pinned Go modules: one program that is every component, kubectl and
# CoreDNS. One that is newer than its source is left alone. Seven minutes cold on two cores; GOMAXPROCS=1 is kinder. Helm is
# chart_tools.sh's.
set -euo pipefail
cd "$(dirname "$0")/../.."
bin=$PWD/build/cluster/bin
source=scripts/cluster/kubenode
mkdir -p "$bin"
command -v go >/dev/null || { echo "got no Go, expected 1.25 or newer; install it, or set KUBECONFIG to test on a cluster of yours"; exit 1; }

if [ ! "$bin/kubenode" -nt $source/main.go ] || [ ! "$bin/kubenode" -nt $source/go.mod ]; then
    # 1.34 is the last minor whose kubelet takes cgroup v1, which some hosts still have.
    version=1.34.4
    echo "building Kubernetes $version"
    flags="-s -w"
    for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
        flags+=" -X $package.gitVersion=v$version -X $package.gitMajor=1 -X $package.gitMinor=34"
    done
    # -trimpath as in chart_tools.sh: what both compile is compiled once.
    (cd $source && go build -trimpath -buildvcs=false -p "${GOMAXPROCS:-2}" -ldflags "$flags" -o "$bin/kubenode" .)
fi
for name in kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy kubectl coredns; do ln -sf kubenode "$bin/$name"; done
