"""What the releases of these tests are installed with: two gateways, two thinkers, two performer groups of two ranks.

Two models. nano is what ships, and a unit of it costs 0.1 s of a core: one conversation at a time where there are two
cores. What needs several conversations at the pace of a microphone uses the tests' own small model
(tests/support/tiny.py), whose weights come in a ConfigMap and whose structure, services and ways are the same.
"""

from typing import Any, Final

from tests.chart.helm import default_values
from tests.cluster.release import with_changes

PLACES: Final = 4
TINY_FOLDER: Final = "/etc/wan-streamer/tiny"
TINY_FILE: Final = "tiny.safetensors"
TINY_CONFIG_MAP: Final = "tiny"
# Long enough to see a drain, short enough to wait for its end.
DRAIN_S: Final = 8
GATEWAY_DRAIN_S: Final = 20
DETACHED_GRACE_S: Final = 15
MARGIN_S: Final = 5

# The chart's own.
LIVENESS: Final[dict[str, int]] = default_values()["thinker"]["probes"]["liveness"]

# All pods fit on one small node.
_SMALL: Final = {"requests": {"cpu": "50m", "memory": "128Mi"}}

BASE: Final[dict[str, Any]] = {
    "gateway": {
        "replicas": 2,
        "discovery": "kubernetes",
        "service": {"type": "NodePort"},
        "preStopSeconds": 2,
        "drainSeconds": GATEWAY_DRAIN_S,
        "minReadySeconds": 2,
        "resources": _SMALL,
    },
    "thinker": {
        "replicas": 2,
        "drainSeconds": DRAIN_S,
        "detachedGraceSeconds": DETACHED_GRACE_S,
        "resources": _SMALL,
    },
    "performer": {"groups": 2, "ranks": 2, "drainSeconds": DRAIN_S, "resources": _SMALL},
    "termination": {"marginSeconds": MARGIN_S},
    "test": {"resources": {"requests": {"cpu": "50m", "memory": "128Mi"}}},
}

_TINY_SERVICE: Final = {
    "maxSessions": PLACES,
    "extraArgs": [f"--preset={TINY_FOLDER}/{TINY_FILE}"],
    "extraVolumes": [{"name": "tiny", "configMap": {"name": TINY_CONFIG_MAP}}],
    "extraVolumeMounts": [{"name": "tiny", "mountPath": TINY_FOLDER, "readOnly": True}],
}

TINY: Final = with_changes(BASE, {"thinker": _TINY_SERVICE, "performer": _TINY_SERVICE})

RANKS_APART: Final = {
    "gateway": {"replicas": 1},
    "thinker": {"replicas": 1},
    "performer": {"groups": 1, "layout": "podPerRank"},
}
