"""The certificates and kubeconfigs of a node."""

import subprocess
from pathlib import Path
from typing import Final

import yaml

# Name -> subject. Kubernetes takes user and groups from it.
USERS: Final = {
    "admin": "/O=system:masters/CN=admin",
    "kubelet": "/O=system:nodes/CN=system:node:{node}",
    "apiserver": "/CN=kube-apiserver",
}
API_NAMES: Final = ("localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc")
DAYS: Final = "3650"
EXTENSIONS: Final = """
basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature,keyEncipherment
extendedKeyUsage=serverAuth,clientAuth
subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid
subjectAltName={names}
"""


def make_certificates(folder: Path, node: str, addresses: list[str]) -> None:
    """An authority, what it signed for each of USERS, and the key that signs the tokens of service accounts.

    Args:
        folder: for NAME.crt and NAME.key.
        node: the node's name.
        addresses: at which the API server and the kubelet are called.
    """
    folder.mkdir(parents=True)

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    openssl("genrsa", "-out", "sa.key", "2048")
    openssl("rsa", "-in", "sa.key", "-pubout", "-out", "sa.pub")
    key = ("-newkey", "rsa:2048", "-nodes")
    # Who checks strictly, as Python does, wants to be told what a key is for and who signed.
    usage = ("-addext", "keyUsage=critical,digitalSignature,keyCertSign,cRLSign")
    openssl("req", "-x509", *key, *usage, "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=node-ca", "-days", DAYS)
    names = ",".join([*(f"DNS:{name}" for name in (*API_NAMES, node)), *(f"IP:{address}" for address in addresses)])
    for user, subject in USERS.items():
        openssl("req", *key, "-keyout", f"{user}.key", "-out", f"{user}.csr", "-subj", subject.format(node=node))
        (folder / f"{user}.ext").write_text(EXTENSIONS.format(names=names))
        signing = ("-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", DAYS, "-extfile", f"{user}.ext")
        openssl("x509", "-req", "-in", f"{user}.csr", *signing, "-out", f"{user}.crt")


def kubeconfig(folder: Path, user: str, server: str) -> str:
    """The file with which a user calls the API server."""
    config: str = yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "node", "cluster": {"server": server, "certificate-authority": f"{folder}/ca.crt"}}],
            "users": [
                {
                    "name": user,
                    "user": {"client-certificate": f"{folder}/{user}.crt", "client-key": f"{folder}/{user}.key"},
                }
            ],
            "contexts": [{"name": "node", "context": {"cluster": "node", "user": user}}],
            "current-context": "node",
        }
    )
    return config
