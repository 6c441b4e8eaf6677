"""Configuration files of a node's processes."""

import json
from pathlib import Path
from typing import Any, Final

import yaml

NODE, NODE_IP, API_IP, DNS_IP = "node-0", "10.99.0.1", "10.96.0.1", "10.96.0.10"
SERVICES, PODS = "10.96.0.0/16", "10.244.0.0/24"
BRIDGE: Final = "wan-streamer0"
PAUSE: Final = "localhost/pause:1"


def kubelet(folder: Path) -> str:
    """Of the kubelet."""
    pki = folder / "pki"
    return _component(
        "kubelet.config.k8s.io/v1beta1",
        "KubeletConfiguration",
        authentication={
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": f"{pki}/ca.crt"},
        },
        authorization={"mode": "Webhook"},
        tlsCertFile=f"{pki}/kubelet.crt",
        tlsPrivateKeyFile=f"{pki}/kubelet.key",
        containerRuntimeEndpoint=f"unix://{folder}/containerd.sock",
        podLogsDir=f"{folder}/pod-logs",
        cgroupDriver="cgroupfs",
        failCgroupV1=False,
        # Hosts that are containers themselves may not lower anyone's chance to be killed for memory.
        featureGates={"KubeletInUserNamespace": True},
        clusterDNS=[DNS_IP],
        clusterDomain="cluster.local",
        resolvConf=f"{folder}/resolv.conf",
        # kube-proxy brings rules of its own; these would stay in the host's tables.
        makeIPTablesUtilChains=False,
        failSwapOn=False,
        evictionHard={"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        # Images cannot be fetched again.
        imageGCHighThresholdPercent=100,
        imageGCLowThresholdPercent=99,
    )


def proxy(folder: Path) -> str:
    """Of kube-proxy."""
    return _component(
        "kubeproxy.config.k8s.io/v1alpha1",
        "KubeProxyConfiguration",
        mode="nftables",
        clientConnection={"kubeconfig": f"{folder}/admin.conf"},
        clusterCIDR=PODS,
        hostnameOverride=NODE,
        # Where the host's own limits cannot be written.
        conntrack={"maxPerCore": 0},
    )


def containerd(folder: Path) -> str:
    """Of containerd, with runc and the bridge."""
    return f"""
version = 2
root = "{folder}/containerd"
state = "{folder}/containerd-run"
[grpc]
  address = "{folder}/containerd.sock"
[plugins."io.containerd.internal.v1.opt"]
  path = "{folder}/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE}"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{folder}/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = false
"""


def bridge(folder: Path) -> str:
    """Of the pods' network."""
    addresses = {
        "type": "host-local",
        "dataDir": f"{folder}/cni-addresses",
        "ranges": [[{"subnet": PODS}]],
        "routes": [{"dst": "0.0.0.0/0"}],
    }
    plugin = {
        "type": "bridge",
        "bridge": BRIDGE,
        "isGateway": True,
        "ipMasq": True,
        "hairpinMode": True,
        "ipam": addresses,
    }
    return json.dumps({"cniVersion": "0.4.0", "name": BRIDGE, "plugins": [plugin]})


def corefile(folder: Path) -> str:
    """Of CoreDNS."""
    return f"""
.:53 {{
  bind {NODE_IP}
  errors
  kubernetes cluster.local in-addr.arpa {{
    kubeconfig {folder}/admin.conf node
    pods insecure
  }}
  cache 5
}}
"""


def _component(version: str, kind: str, **content: Any) -> str:
    text: str = yaml.safe_dump({"apiVersion": version, "kind": kind, **content})
    return text


# CoreDNS is a process of the host: a Service with an address of the node behind it.
DNS_SERVICE: Final = f"""
apiVersion: v1
kind: Service
metadata: {{name: kube-dns, namespace: kube-system}}
spec:
  clusterIP: {DNS_IP}
  ports: [{{name: dns, port: 53, protocol: UDP}}, {{name: dns-tcp, port: 53, protocol: TCP}}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{name: kube-dns-host, namespace: kube-system, labels: {{kubernetes.io/service-name: kube-dns}}}}
addressType: IPv4
ports: [{{name: dns, port: 53, protocol: UDP}}, {{name: dns-tcp, port: 53, protocol: TCP}}]
endpoints: [{{addresses: [{NODE_IP}], conditions: {{ready: true}}}}]
"""
# The program of the container that holds a pod's namespaces: it waits.
PAUSE_GO: Final = """package main

import (
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ends := make(chan os.Signal, 1)
	signal.Notify(ends, syscall.SIGINT, syscall.SIGTERM)
	<-ends
}
"""
