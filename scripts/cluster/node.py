"""One real Kubernetes node on this host, for tests: `python scripts/cluster/node.py up DIR`, and `down DIR`.

etcd, API server, controllers, scheduler, containerd with runc, kubelet, kube-proxy and CoreDNS: processes of the host.
Needs root and the programs of build.sh and of Debian's packages; `up` says which are missing. DIR has their state, logs
and admin.conf, a KUBECONFIG.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import yaml

PROGRAMS: Final = Path(__file__).parents[2] / "build" / "cluster" / "bin"
# Debian's package -> a program of it that is looked for.
PACKAGES: Final = {
    "etcd-server": "etcd",
    "containerd": "containerd",
    "runc": "runc",
    "iptables": "iptables",
    "nftables": "nft",
    "conntrack": "conntrack",
    "iproute2": "ip",
    "openssl": "openssl",
    "containernetworking-plugins": "/usr/lib/cni/bridge",
}
NODE, NODE_IP, DNS_IP = "node-0", "10.99.0.1", "10.96.0.10"
SERVICES, PODS = "10.96.0.0/16", "10.244.0.0/24"
API_PORT: Final = 6443
PAUSE: Final = "localhost/pause:1"
# In the order in which they start; they end in the other one.
PROCESSES: Final = (
    *("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"),
    *("containerd", "kubelet", "kube-proxy", "coredns"),
)
READY_S, STOP_S = 90, 20


class Node:
    """The processes of a node, by the files in a folder.

    Args:
        folder: made when it is not there; short, for containerd's sockets lie in it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.kubeconfig = self.folder / "admin.conf"

    def up(self) -> None:
        """Starts what is not running, and waits until pods can run.

        Raises:
            SystemExit: something is missing, or does not get ready; it says what, and which log tells more.
        """
        check_host()
        self.folder.mkdir(parents=True, exist_ok=True)
        make_certificates(self.folder / "pki")
        for name, user in {"admin": "admin", "kubelet": "kubelet"}.items():
            self._write(f"{name}.conf", self._config_of(user))
        subprocess.run(["ip", "addr", "replace", f"{NODE_IP}/32", "dev", "lo"], check=True)
        self.start_control_plane()
        self._write("containerd.toml", CONTAINERD.format(folder=self.folder, pause=PAUSE))
        self._write("cni/10-bridge.conflist", BRIDGE)
        self._start("containerd", "containerd", "--config", f"{self.folder}/containerd.toml")
        self._wait("containerd", lambda: self.ctr("version"))
        self._import_pause()
        self._write("resolv.conf", "")
        self._write("kubelet.yaml", self._kubelet())
        self._start(
            "kubelet",
            *(f"--config={self.folder}/kubelet.yaml", f"--kubeconfig={self.folder}/kubelet.conf"),
            *(f"--hostname-override={NODE}", f"--node-ip={NODE_IP}", f"--root-dir={self.folder}/kubelet"),
        )
        self._write("proxy.yaml", self._proxy())
        self._start("kube-proxy", f"--config={self.folder}/proxy.yaml")
        self._write("Corefile", COREFILE.format(folder=self.folder, ip=NODE_IP))
        self._start("coredns", "-conf", f"{self.folder}/Corefile")
        self.kubectl("apply", "-f", "-", stdin=DNS_SERVICE)
        self._wait("kubelet", self._is_ready)

    def start_control_plane(self) -> None:
        """Starts etcd, API server, controllers and scheduler, those that do not run."""
        pki, admin = self.folder / "pki", f"--kubeconfig={self.kubeconfig}"
        self._start(
            "etcd",
            *(f"--data-dir={self.folder}/etcd", "--unsafe-no-fsync", "--listen-peer-urls=http://127.0.0.1:2380"),
            *("--listen-client-urls=http://127.0.0.1:2379", "--advertise-client-urls=http://127.0.0.1:2379"),
        )
        self._start(
            "kube-apiserver",
            *("--etcd-servers=http://127.0.0.1:2379", f"--service-cluster-ip-range={SERVICES}"),
            *("--bind-address=0.0.0.0", f"--advertise-address={NODE_IP}", f"--secure-port={API_PORT}"),
            *(f"--tls-cert-file={pki}/apiserver.crt", f"--tls-private-key-file={pki}/apiserver.key"),
            *(f"--client-ca-file={pki}/ca.crt", f"--kubelet-client-certificate={pki}/admin.crt"),
            *(f"--kubelet-client-key={pki}/admin.key", f"--service-account-key-file={pki}/sa.pub"),
            f"--service-account-signing-key-file={pki}/sa.key",
            "--service-account-issuer=https://kubernetes.default.svc",
            *("--authorization-mode=Node,RBAC", "--allow-privileged=true"),
            # Or exec and logs look the node's name up in DNS.
            "--kubelet-preferred-address-types=InternalIP",
        )
        self._wait("kube-apiserver", lambda: self.kubectl("get", "--raw", "/readyz"))
        self._start(
            "kube-controller-manager",
            *(admin, f"--service-account-private-key-file={pki}/sa.key", f"--root-ca-file={pki}/ca.crt"),
            *("--use-service-account-credentials=true", "--leader-elect=false", "--allocate-node-cidrs=false"),
        )
        self._start("kube-scheduler", admin, "--leader-elect=false")

    def down(self) -> None:
        """Stops pods and processes and gives mounts back; what was stored stays."""
        for name in ("coredns", "kube-proxy", "kubelet", "kube-scheduler", "kube-controller-manager"):
            self.stop(name)
        if self.is_running("containerd"):
            for task in self.ctr("tasks", "list", "--quiet").split():
                self.ctr("tasks", "kill", "--signal", "KILL", "--all", task, check=False)
            time.sleep(1)
        for name in ("containerd", "kube-apiserver", "etcd"):
            self.stop(name)
        mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
        for mount in sorted((one for one in mounts if one.startswith(f"{self.folder}/")), reverse=True):
            subprocess.run(["umount", mount], check=False)

    def kubectl(self, *arguments: str, stdin: str = "") -> str:
        """What it prints.

        Raises:
            CalledProcessError: it failed.
        """
        return _output([PROGRAMS / "kubectl", f"--kubeconfig={self.kubeconfig}", *arguments], stdin=stdin)

    def ctr(self, *arguments: str, check: bool = True) -> str:
        """What containerd's program prints, in the namespace of the kubelet's containers."""
        command = ["ctr", "--address", f"{self.folder}/containerd.sock", "--namespace", "k8s.io", *arguments]
        return _output(command, check=check)

    def is_running(self, name: str) -> bool:
        """Whether a process that this folder started is there."""
        pid = self._pid(name)
        return pid is not None and name in Path(f"/proc/{pid}/cmdline").read_text()

    def stop(self, name: str) -> None:
        """Ends a process; SIGKILL for one that takes more than STOP_S."""
        pid = self._pid(name)
        if pid is None or not self.is_running(name):
            return
        for number in (signal.SIGTERM, signal.SIGKILL):
            os.kill(pid, number)
            until = time.monotonic() + STOP_S
            while self.is_running(name) and time.monotonic() < until:
                time.sleep(0.1)
        self._pid_file(name).unlink()

    def _start(self, name: str, *arguments: str) -> None:
        if self.is_running(name):
            return
        own = PROGRAMS / name
        program = str(own) if own.exists() else name
        logs = self.folder / "log"
        logs.mkdir(exist_ok=True)
        with (logs / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [program, *arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        self._pid_file(name).write_text(str(process.pid))

    def _pid_file(self, name: str) -> Path:
        return self.folder / f"{name}.pid"

    def _pid(self, name: str) -> int | None:
        file = self._pid_file(name)
        pid = int(file.read_text()) if file.is_file() else 0
        return pid if pid and Path(f"/proc/{pid}/cmdline").is_file() else None

    def _wait(self, name: str, works: Callable[[], object]) -> None:
        until = time.monotonic() + READY_S
        while True:
            try:
                if works() is not False:
                    return
            except subprocess.CalledProcessError:
                pass
            if not self.is_running(name) or time.monotonic() > until:
                log = self.folder / "log" / f"{name}.log"
                last = "\n".join(log.read_text(errors="replace").splitlines()[-5:])
                raise SystemExit(f"got no {name} within {READY_S} s, expected one; {log} ends with\n{last}")
            time.sleep(0.3)

    def _is_ready(self) -> bool:
        node = json.loads(self.kubectl("get", "node", NODE, "--output=json"))
        return any(one["type"] == "Ready" and one["status"] == "True" for one in node["status"]["conditions"])

    def _import_pause(self) -> None:
        """The image that holds a pod's namespaces: a program that waits, from nothing."""
        if PAUSE in self.ctr("images", "list", "--quiet"):
            return
        build = self.folder / "pause"
        build.mkdir(exist_ok=True)
        (build / "pause.go").write_text(PAUSE_GO)
        environment = {**os.environ, "CGO_ENABLED": "0"}
        command = ["go", "build", "-ldflags", "-s -w", "-o", str(build / "pause"), str(build / "pause.go")]
        subprocess.run(command, check=True, env=environment)
        (build / "Dockerfile").write_text('FROM scratch\nCOPY pause /pause\nUSER 65535\nENTRYPOINT ["/pause"]\n')
        subprocess.run(["buildah", "build", "--quiet", "--tag", PAUSE, str(build)], check=True, capture_output=True)
        self.import_image(PAUSE)

    def import_image(self, name: str) -> None:
        """Copies an image from buildah's store into the node's."""
        archive = self.folder / "image.tar"
        archive.unlink(missing_ok=True)
        try:
            subprocess.run(["buildah", "push", "--quiet", name, f"oci-archive:{archive}:{name}"], check=True)
            self.ctr("images", "import", str(archive))
        finally:
            archive.unlink(missing_ok=True)

    def _write(self, name: str, content: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)

    def _config_of(self, user: str) -> str:
        pki = self.folder / "pki"
        server = {"server": f"https://127.0.0.1:{API_PORT}", "certificate-authority": f"{pki}/ca.crt"}
        return yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": "node", "cluster": server}],
                "users": [
                    {
                        "name": user,
                        "user": {"client-certificate": f"{pki}/{user}.crt", "client-key": f"{pki}/{user}.key"},
                    }
                ],
                "contexts": [{"name": "node", "context": {"cluster": "node", "user": user}}],
                "current-context": "node",
            }
        )

    def _kubelet(self) -> str:
        pki = self.folder / "pki"
        return _kubernetes(
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
            containerRuntimeEndpoint=f"unix://{self.folder}/containerd.sock",
            cgroupDriver="cgroupfs",
            failCgroupV1=False,
            # Hosts that are containers themselves may not lower anyone's chance to be killed for memory.
            featureGates={"KubeletInUserNamespace": True},
            clusterDNS=[DNS_IP],
            clusterDomain="cluster.local",
            resolvConf=f"{self.folder}/resolv.conf",
            failSwapOn=False,
            evictionHard={"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
            # Images cannot be fetched again.
            imageGCHighThresholdPercent=100,
            imageGCLowThresholdPercent=99,
        )

    def _proxy(self) -> str:
        return _kubernetes(
            "kubeproxy.config.k8s.io/v1alpha1",
            "KubeProxyConfiguration",
            mode="nftables",
            clientConnection={"kubeconfig": str(self.kubeconfig)},
            clusterCIDR=PODS,
            hostnameOverride=NODE,
            # Where the host's own limits cannot be written.
            conntrack={"maxPerCore": 0},
        )


def check_host() -> None:
    """Raises SystemExit that says what this host lacks."""
    if os.geteuid():
        raise SystemExit("got a user who is not root, expected root: containers need it; or set KUBECONFIG")
    missing = [package for package, program in PACKAGES.items() if not shutil.which(program)]
    if missing:
        raise SystemExit(f"got no {', '.join(missing)}, expected them; say: apt-get install {' '.join(missing)}")
    own = ("kubelet", "coredns")
    if not all((PROGRAMS / name).exists() for name in own):
        raise SystemExit(f"got no {' or '.join(own)} in {PROGRAMS}, expected them; say scripts/cluster/build.sh")


def make_certificates(folder: Path) -> None:
    """An authority and what it signed for API server, administrator and kubelet, unless they are there."""
    if (folder / "kubelet.crt").is_file():
        return
    folder.mkdir(parents=True, exist_ok=True)

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    openssl("genrsa", "-out", "sa.key", "2048")
    openssl("rsa", "-in", "sa.key", "-pubout", "-out", "sa.pub")
    key = ("-newkey", "rsa:2048", "-nodes")
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=node-ca", "-days", "3650")
    names = ",".join(
        [f"DNS:{name}" for name in ("localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc")]
        + [f"IP:{ip}" for ip in ("127.0.0.1", "10.96.0.1", NODE_IP)]
    )
    for name, subject, alternatives in (
        ("apiserver", "/CN=kube-apiserver", names),
        ("admin", "/O=system:masters/CN=admin", "DNS:admin"),
        ("kubelet", f"/O=system:nodes/CN=system:node:{NODE}", f"DNS:{NODE},IP:127.0.0.1,IP:{NODE_IP}"),
    ):
        openssl("req", *key, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", subject)
        (folder / f"{name}.ext").write_text(f"subjectAltName={alternatives}")
        signing = ("-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "3650")
        openssl("x509", "-req", "-in", f"{name}.csr", *signing, "-out", f"{name}.crt", "-extfile", f"{name}.ext")


def _kubernetes(version: str, kind: str, **content: Any) -> str:
    return yaml.safe_dump({"apiVersion": version, "kind": kind, **content})


def _output(command: Sequence[str | Path], *, stdin: str = "", check: bool = True) -> str:
    return subprocess.run(command, input=stdin, check=check, capture_output=True, text=True).stdout


CONTAINERD: Final = """
version = 2
root = "{folder}/containerd"
state = "{folder}/containerd-run"
[grpc]
  address = "{folder}/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause}"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{folder}/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = false
"""
BRIDGE: Final = json.dumps(
    {
        "cniVersion": "0.4.0",
        "name": "pods",
        "plugins": [
            {
                "type": "bridge",
                "bridge": "cni0",
                "isGateway": True,
                "ipMasq": True,
                "hairpinMode": True,
                "ipam": {"type": "host-local", "ranges": [[{"subnet": PODS}]], "routes": [{"dst": "0.0.0.0/0"}]},
            },
            {"type": "portmap", "capabilities": {"portMappings": True}},
        ],
    }
)
COREFILE: Final = """
.:53 {{
  bind {ip}
  errors
  kubernetes cluster.local in-addr.arpa {{
    kubeconfig {folder}/admin.conf node
    pods insecure
  }}
  cache 5
}}
"""
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
ACTIONS: Final[Mapping[str, Callable[[Node], None]]] = {"up": Node.up, "down": Node.down}


def main() -> int:
    """Does what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=ACTIONS)
    parser.add_argument("folder", type=Path, help="state, logs and admin.conf of the node")
    given = parser.parse_args()
    ACTIONS[given.action](Node(given.folder))
    return 0


if __name__ == "__main__":
    sys.exit(main())
