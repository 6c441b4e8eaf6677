"""What the pods of a node have of the host's network, and giving it back."""

import shlex
import subprocess
import time
from ipaddress import ip_network
from pathlib import Path
from typing import Final

from scripts.cluster.settings import BRIDGE, PODS

NAMESPACES: Final = Path("/run/netns")
# The bridge plugin's memory of what it has made.
RESULTS: Final = Path("/var/lib/cni/results")


def prepare() -> None:
    """Makes the folder of network namespaces a mount of its own, as other tools do that find none: one that did so
    while there are pods would hide theirs, and they could never end."""
    NAMESPACES.mkdir(exist_ok=True)
    if not _is_mounted():
        _run("mount", "--bind", str(NAMESPACES), str(NAMESPACES))
        _run("mount", "--make-shared", str(NAMESPACES))


def pod_namespaces() -> list[str]:
    """Network namespaces with an address of a pod."""
    found = []
    for path in NAMESPACES.glob("cni-*"):
        done = subprocess.run(["ip", "-n", path.name, "-o", "addr"], check=False, capture_output=True, text=True)
        # One without an address is of a pod that is just ending.
        addresses = [words[3] for words in map(str.split, done.stdout.splitlines()) if words[2] == "inet"]
        if any(_is_of_pod(address) for address in addresses):
            found.append(path.name)
    return found


def wait_until_given_back(limit_s: float) -> None:
    """The kubelet gives it back a little after a pod is gone; this returns then, or when the time is over."""
    end_s = time.monotonic() + limit_s
    while pod_namespaces() and time.monotonic() < end_s:
        time.sleep(0.2)


def give_back() -> None:
    """Namespaces, rules and the bridge, whatever the kubelet has left of them."""
    for namespace in pod_namespaces():
        _run("ip", "netns", "delete", namespace)
    for rule in _nat_rules():
        # -A POSTROUTING -s ADDRESS/32 ... -j CHAIN: who leaves the node from this pod.
        if rule[:2] == ["-A", "POSTROUTING"] and "-s" in rule and _is_of_pod(rule[rule.index("-s") + 1]):
            _run("iptables", "-t", "nat", "-D", *rule[1:])
            _run("iptables", "-t", "nat", "-F", rule[-1])
            _run("iptables", "-t", "nat", "-X", rule[-1])
    _run("ip", "link", "delete", BRIDGE)
    if _is_mounted() and not any(NAMESPACES.iterdir()):
        _run("umount", str(NAMESPACES))
    for result in RESULTS.glob(f"{BRIDGE}-*"):
        # NETWORK-CONTAINER-INTERFACE; each container has a loopback, too.
        container = result.name.removeprefix(f"{BRIDGE}-").rpartition("-")[0]
        for each in RESULTS.glob(f"*-{container}-*"):
            each.unlink()


def _is_mounted() -> bool:
    # Path.is_mount does not see a folder that is bound to itself.
    return any(line.split()[1] == str(NAMESPACES) for line in Path("/proc/mounts").read_text().splitlines())


def _nat_rules() -> list[list[str]]:
    done = subprocess.run(["iptables-save", "-t", "nat"], check=False, capture_output=True, text=True)
    return [shlex.split(line) for line in done.stdout.splitlines() if line.startswith("-A")]


def _is_of_pod(address: str) -> bool:
    return ip_network(address, strict=False).subnet_of(ip_network(PODS))  # type: ignore[arg-type]


def _run(*command: str) -> None:
    subprocess.run(command, check=False, capture_output=True)
