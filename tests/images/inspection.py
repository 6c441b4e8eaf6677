# Runs inside an image, with its Python: what it holds, how large it is, how its service starts and ends. Lines before
# these set SERVICE and ARGUMENTS.
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

COMPILERS = ["as", "c++", "c89", "c99", "cc", "clang", "cpp", "g++", "gcc", "ld", "make", "nvcc", "rustc"]
PLACES = [pathlib.Path(place) for place in ["/usr/bin", "/usr/local/bin", "/usr/local/cuda/bin", "/opt/venv/bin"]]


def files():
    """Every file of the image: not what is mounted over it."""
    for folder, folders, names in os.walk("/"):
        if folder == "/":
            folders[:] = [name for name in folders if name not in ("dev", "proc", "sys", "tmp")]
        yield from (pathlib.Path(folder, name) for name in names)


def is_writable(place):
    try:
        pathlib.Path(place, "probe").write_text("")
    except OSError:
        return False
    return True


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def lives(port):
    """What a startup probe asks."""
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        try:
            request = health_pb2.HealthCheckRequest(service="live")
            answer = health_pb2_grpc.HealthStub(channel).Check(request, timeout=10)
        except grpc.RpcError:
            return False
    return answer.status == health_pb2.HealthCheckResponse.SERVING


def start_and_end(port):
    """Starts the service, waits until its engine lives, ends it with SIGTERM."""
    began_s = time.monotonic()
    command = [
        sys.executable,
        "-m",
        "services." + SERVICE,
        "--host=127.0.0.1",
        f"--port={port}",
        "--drain-seconds=1",
        *ARGUMENTS,
    ]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        is_alive = False
        while not is_alive and process.poll() is None and time.monotonic() - began_s < 300:
            time.sleep(0.5)
            is_alive = lives(port)
        alive_s = time.monotonic() - began_s
        process.send_signal(signal.SIGTERM)
        said = process.communicate(timeout=60)[1]
    return {"is_alive": is_alive, "alive_s": alive_s, "returncode": process.returncode, "said": said[-2000:]}


found = list(files())
help_text = subprocess.run(
    [sys.executable, "-m", "services." + SERVICE, "--help"], capture_output=True, text=True, check=False
)
print(
    json.dumps(
        {
            "bytes": sum(path.lstat().st_size for path in found),
            "compilers": [str(place / name) for place in PLACES for name in COMPILERS if (place / name).exists()],
            "caches": [
                str(path)
                for path in found
                if "pip/http" in str(path) or (path.match("*.whl") and "/pip" in str(path.parent))
            ],
            "pip": [str(path) for path in found if str(path).startswith("/opt/") and path.match("pip/__init__.py")],
            "torch": [str(path) for path in found if path.match("torch/__init__.py")],
            "foreign": sorted({path.parts[2] for path in found if path.is_relative_to("/app")}),
            "weights": [path.name for path in found if path.match("/app/wan_streamer/weights/*")],
            "packages": [path.parent.name for path in found if path.match("site-packages/*.dist-info/METADATA")],
            "user": [os.getuid(), os.getgid()],
            "writable": [place for place in ("/", "/app", "/opt/venv", "/etc", "/var") if is_writable(place)],
            "help": [help_text.returncode, "--port" in help_text.stdout],
            "start": start_and_end(free_port()),
        }
    )
)
