"""One real Kubernetes node on this host, for tests: `python -m scripts.cluster.node up DIR`, and `down DIR`; `packages`
prints those of Debian that are missing, and fails where some are; `room DIR` says how much of a disk is missing.

etcd, API server, controllers, scheduler, containerd with runc, kubelet, kube-proxy and CoreDNS: processes of the host.
Needs root, the programs of build.sh and Debian's packages; `up` says which are missing. DIR has their state, logs and
admin.conf, a KUBECONFIG; a node that went down leaves there nothing but the images, for the next one.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Final

from scripts.cluster import pod_network, settings
from scripts.cluster.certificates import kubeconfig, make_certificates
from scripts.cluster.processes import Processes
from scripts.cluster.settings import NODE, NODE_IP

BUILD: Final = Path(__file__).parents[2] / "build" / "cluster"
PROGRAMS, FOLDER = BUILD / "bin", BUILD / "node"
# Debian's package -> a program of it that is looked for.
PACKAGES: Final = {
    "etcd-server": "etcd",
    "containerd": "containerd",
    "runc": "runc",
    "buildah": "buildah",
    "skopeo": "skopeo",
    "debootstrap": "debootstrap",
    "iptables": "iptables",
    "nftables": "nft",
    "conntrack": "conntrack",
    "iproute2": "ip",
    "openssl": "openssl",
    "containernetworking-plugins": "/usr/lib/cni/bridge",
}
API: Final = f"https://{NODE_IP}:6443"
# Where containerd keeps what images consist of.
CONTENT: Final = "containerd/io.containerd.content.v1.content"
# The store of images and what goes into it, which a node leaves to the next one.
IMAGES: Final = "images"
KEPT: Final = ("containerd", IMAGES)
# What the images take there until a new node has them all: most of it is torch.
IMAGES_GB: Final = 17
PODS_END_S: Final = 30
# The kubelet links here to the logs in our folder.
LOG_LINKS: Final = Path("/var/log/containers")


class Node:
    """The processes of a node, by the files in a folder.

    Args:
        folder: made when it is not there; short, for containerd's sockets lie in it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.kubeconfig = self.folder / "admin.conf"
        self.processes = Processes(self.folder, PROGRAMS)

    def up(self) -> None:
        """Starts a new cluster, and waits until pods can run.

        Raises:
            SystemExit: something is missing, or does not get ready; it says what, and which log tells more.
        """
        if lacking := what_is_lacking(self.folder):
            raise SystemExit(lacking)
        self.down()
        self.folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["ip", "addr", "replace", f"{NODE_IP}/32", "dev", "lo"], check=True)
        pod_network.prepare()
        pki = self.folder / "pki"
        make_certificates(pki, NODE, ["127.0.0.1", settings.API_IP, NODE_IP])
        for user in ("admin", "kubelet"):
            self._write(f"{user}.conf", kubeconfig(pki, user, API))
        self._start_control_plane()
        self._start_kubelet()
        self._write("proxy.yaml", settings.proxy(self.folder))
        self.processes.start("kube-proxy", f"--config={self.folder}/proxy.yaml")
        self._write("Corefile", settings.corefile(self.folder))
        self.processes.start("coredns", "-conf", f"{self.folder}/Corefile")
        self.kubectl("apply", "-f", "-", stdin=settings.DNS_SERVICE)
        self.processes.wait("kubelet", self._is_ready)

    def start_api_server(self) -> None:
        """Starts the API server, and waits until it answers."""
        pki = self.folder / "pki"
        self.processes.start(
            "kube-apiserver",
            *("--etcd-servers=http://127.0.0.1:2379", f"--service-cluster-ip-range={settings.SERVICES}"),
            *(f"--bind-address={NODE_IP}", f"--advertise-address={NODE_IP}", "--secure-port=6443"),
            *(f"--tls-cert-file={pki}/apiserver.crt", f"--tls-private-key-file={pki}/apiserver.key"),
            *(f"--client-ca-file={pki}/ca.crt", f"--kubelet-client-certificate={pki}/admin.crt"),
            *(f"--kubelet-client-key={pki}/admin.key", f"--service-account-key-file={pki}/sa.pub"),
            f"--service-account-signing-key-file={pki}/sa.key",
            "--service-account-issuer=https://kubernetes.default.svc",
            *("--authorization-mode=Node,RBAC", "--allow-privileged=true"),
            # Or exec and logs look the node's name up in DNS.
            "--kubelet-preferred-address-types=InternalIP",
        )
        self.processes.wait("kube-apiserver", lambda: self.kubectl("get", "--raw", "/readyz"))

    def down(self) -> None:
        """Ends pods and processes and gives back what they had of the host; of the folder the images stay."""
        self.processes.stop("kube-controller-manager")  # or it would make new pods
        if self.processes.is_running("kubelet") and self.processes.is_running("kube-apiserver"):
            self._end_pods()
        for name in ("coredns", "kube-proxy", "kubelet", "kube-scheduler"):
            self.processes.stop(name)
        if self.processes.is_running("containerd"):
            self._remove_containers()
        for name in ("containerd", "kube-apiserver", "etcd"):
            self.processes.stop(name)
        self._give_back()

    def kubectl(self, *arguments: str, stdin: str = "") -> str:
        """What it prints.

        Raises:
            CalledProcessError: it failed.
        """
        return _output([PROGRAMS / "kubectl", f"--kubeconfig={self.kubeconfig}", *arguments], stdin=stdin)

    def take_images(self, names: Sequence[str]) -> None:
        """Copies images from buildah's store into the node's; of what is there already nothing."""
        layout = self.folder / IMAGES
        for name in names:
            # Layers that lie there already are not written again; compressing gigabytes would take minutes.
            copying = ["skopeo", "copy", "--quiet", "--dest-oci-accept-uncompressed-layers"]
            _output([*copying, f"containers-storage:{name}", f"oci:{layout}:{name}"])
        known = {digest.removeprefix("sha256:") for digest in _output([*self._ctr, "content", "list", "-q"]).split()}
        new = [str(blob.relative_to(layout)) for blob in layout.glob("blobs/sha256/*") if blob.name not in known]
        archive_of = ["tar", "-C", str(layout), "-c", "oci-layout", "index.json", *new]
        with subprocess.Popen(archive_of, stdout=subprocess.PIPE) as archive:
            _output([*self._ctr, "images", "import", "-"], stdin=archive.stdout)
        # The same files twice would be gigabytes more; what no image needs now is gone there.
        for blob in new:
            (layout / blob).unlink()
            if (theirs := self.folder / CONTENT / blob).exists():
                (layout / blob).hardlink_to(theirs)

    @property
    def _ctr(self) -> list[str]:
        return ["ctr", "--address", f"{self.folder}/containerd.sock", "--namespace", "k8s.io"]

    def _start_control_plane(self) -> None:
        pki, admin = self.folder / "pki", f"--kubeconfig={self.kubeconfig}"
        self.processes.start(
            "etcd",
            *(f"--data-dir={self.folder}/etcd", "--unsafe-no-fsync", "--listen-peer-urls=http://127.0.0.1:2380"),
            *("--listen-client-urls=http://127.0.0.1:2379", "--advertise-client-urls=http://127.0.0.1:2379"),
        )
        self.start_api_server()
        self.processes.start(
            "kube-controller-manager",
            *(admin, f"--service-account-private-key-file={pki}/sa.key", f"--root-ca-file={pki}/ca.crt"),
            *("--use-service-account-credentials=true", "--leader-elect=false", "--allocate-node-cidrs=false"),
        )
        self.processes.start("kube-scheduler", admin, "--leader-elect=false")

    def _start_kubelet(self) -> None:
        self._write("containerd.toml", settings.containerd(self.folder))
        self._write("cni/10-bridge.conflist", settings.bridge(self.folder))
        self.processes.start("containerd", "--config", f"{self.folder}/containerd.toml")
        self.processes.wait("containerd", lambda: _output([*self._ctr, "version"]))
        self._take_pause()
        self._write("resolv.conf", "")
        self._write("kubelet.yaml", settings.kubelet(self.folder))
        self.processes.start(
            "kubelet",
            *(f"--config={self.folder}/kubelet.yaml", f"--kubeconfig={self.folder}/kubelet.conf"),
            *(f"--hostname-override={NODE}", f"--node-ip={NODE_IP}", f"--root-dir={self.folder}/kubelet"),
        )

    def _take_pause(self) -> None:
        """The image that holds a pod's namespaces: one program and nothing else."""
        if not _succeeds(["buildah", "inspect", "--type", "image", settings.PAUSE]):
            build = self.folder / "pause"
            build.mkdir(exist_ok=True)
            (build / "pause.go").write_text(settings.PAUSE_GO)
            command = ["go", "build", "-ldflags", "-s -w", "-o", str(build / "pause"), str(build / "pause.go")]
            subprocess.run(command, check=True, env={**os.environ, "CGO_ENABLED": "0"})
            (build / "Dockerfile").write_text('FROM scratch\nCOPY pause /pause\nUSER 65535\nENTRYPOINT ["/pause"]\n')
            _output(["buildah", "build", "--quiet", "--tag", settings.PAUSE, build])
        self.take_images([settings.PAUSE])

    def _is_ready(self) -> bool:
        node = json.loads(self.kubectl("get", "node", NODE, "--output=json"))
        return any(one["type"] == "Ready" and one["status"] == "True" for one in node["status"]["conditions"])

    def _end_pods(self) -> None:
        """The kubelet ends them: it knows what they have of the host."""
        with suppress(subprocess.CalledProcessError):
            self.kubectl(
                *("delete", "pods", "--all", "--all-namespaces", f"--field-selector=spec.nodeName={NODE}"),
                *("--grace-period=1", f"--timeout={PODS_END_S}s"),
            )
            pod_network.wait_until_given_back(PODS_END_S)

    def _remove_containers(self) -> None:
        for task in _output([*self._ctr, "tasks", "list", "--quiet"]).split():
            _succeeds([*self._ctr, "tasks", "kill", "--signal", "KILL", "--all", task])
        time.sleep(0.5)
        for container in _output([*self._ctr, "containers", "list", "--quiet"]).split():
            _succeeds([*self._ctr, "tasks", "delete", "--force", container])
            _succeeds([*self._ctr, "containers", "delete", container])

    def _give_back(self) -> None:
        mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
        for mount in sorted((one for one in mounts if one.startswith(f"{self.folder}/")), reverse=True):
            _succeeds(["umount", mount])
        for group in sorted(Path("/sys/fs/cgroup").glob("**/kubepods*/"), reverse=True):
            for inner in sorted((path for path in group.glob("**/") if path.is_dir()), reverse=True):
                with suppress(OSError):
                    inner.rmdir()
        for family in ("ip", "ip6"):
            _succeeds(["nft", "delete", "table", family, "kube-proxy"])
        pod_network.give_back()
        _succeeds(["ip", "addr", "delete", f"{NODE_IP}/32", "dev", "lo"])
        for path in self.folder.glob("*"):
            if path.is_dir() and path.name not in KEPT:
                shutil.rmtree(path)
            elif path.name not in KEPT:
                path.unlink()
        for link in LOG_LINKS.glob("*.log"):
            if link.is_symlink() and not link.exists():
                link.unlink()

    def _write(self, name: str, content: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


def missing_packages() -> list[str]:
    """Debian's packages of which programs are not there."""
    return [package for package, program in PACKAGES.items() if not shutil.which(program)]


def missing_room(folder: Path) -> str:
    """What the disk lacks for a node in `folder`, and what to do about it; empty where it lacks nothing."""
    # A node that was here has left its images.
    if (folder / IMAGES).exists():
        return ""
    disk = next(path for path in (folder, *folder.parents) if path.exists())
    free_gb = shutil.disk_usage(disk).free // 10**9
    return f"got {free_gb} GB free at {disk}, expected {IMAGES_GB}; free some" if free_gb < IMAGES_GB else ""


def what_is_lacking(folder: Path) -> str:
    """What this host lacks for a node in `folder`, and what to do about it; empty where it lacks nothing."""
    if os.geteuid():
        return "got a user who is not root, expected root: containers need it; or set KUBECONFIG"
    if missing := missing_packages():
        return f"got no {', '.join(missing)}, expected them; say: apt-get install {' '.join(missing)}"
    own = [name for name in ("kubelet", "coredns") if not (PROGRAMS / name).exists()]
    if own:
        return f"got no {' or '.join(own)} in {PROGRAMS}, expected them; say: make cluster-tools"
    return missing_room(folder)


def _output(command: Sequence[str | Path], *, stdin: str | IO[bytes] | None = "") -> str:
    given: dict[str, Any] = {"input": stdin} if isinstance(stdin, str) else {"stdin": stdin}
    try:
        return subprocess.run(command, **given, check=True, capture_output=True, text=True).stdout
    except subprocess.CalledProcessError as error:
        # Or nobody learns what it had to say.
        error.add_note(error.stderr)
        raise


def _succeeds(command: Sequence[str | Path]) -> bool:
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


ACTIONS: Final[Mapping[str, Callable[[Node], None]]] = {"up": Node.up, "down": Node.down}
LACKS: Final[Mapping[str, Callable[[Path], str]]] = {
    "packages": lambda _: "\n".join(missing_packages()),
    "room": missing_room,
}


def main() -> int:
    """Does what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=[*ACTIONS, *LACKS])
    parser.add_argument("folder", type=Path, nargs="?", default=FOLDER, help="state, logs and admin.conf of the node")
    given = parser.parse_args()
    if given.action in LACKS:
        lack = LACKS[given.action](given.folder.resolve())
        sys.stdout.write(f"{lack}\n" if lack else "")
        return int(bool(lack))
    ACTIONS[given.action](Node(given.folder))
    return 0


if __name__ == "__main__":
    sys.exit(main())
