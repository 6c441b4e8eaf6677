"""The errors of the project.

WanStreamerError
|-- InvalidInput          what a caller sent is wrong; the message says got / expected / what to do
|-- ClientGone            a client that says nothing, or takes nothing, for too long
|-- SessionUnknown        no such session (or its reservation has expired)
|-- CapacityExhausted     every place is taken; try again after `retry_after_s`
|-- PlacementLost         the thinker or performer group that a token names is gone
|-- Superseded            a newer attach of the same session took over
|-- Draining              the service is going away and takes nothing new
|-- PeerUnavailable       a service behind this one cannot be reached or went away
`-- EngineFault           our own failure while computing a unit

`wan_streamer.rpc.status` maps them to gRPC. `reason` is the stable word of google.rpc.ErrorInfo.
"""


class WanStreamerError(Exception):
    """Base of all errors that a caller may want to catch."""

    reason = "INTERNAL"

    def __init__(self, message: str, *, reason: str = "") -> None:
        super().__init__(message)
        if reason:
            self.reason = reason


class InvalidInput(WanStreamerError):
    """What the caller sent is wrong; `reason` says in one word what."""

    reason = "INVALID_INPUT"


class ClientGone(WanStreamerError):
    """The client has stopped: it sends nothing (CLIENT_IDLE) or reads nothing (CLIENT_STALLED)."""

    reason = "CLIENT_IDLE"


class SessionUnknown(WanStreamerError):
    """There is no such session here."""

    reason = "SESSION_UNKNOWN"


class CapacityExhausted(WanStreamerError):
    """Every place is taken."""

    reason = "CAPACITY_EXHAUSTED"

    def __init__(self, message: str, *, reason: str = "", retry_after_s: float = 5.0) -> None:
        super().__init__(message, reason=reason)
        self.retry_after_s = retry_after_s


class PlacementLost(WanStreamerError):
    """The incarnation or epoch that the caller names is gone; its state is lost."""

    reason = "PLACEMENT_LOST"


class Superseded(WanStreamerError):
    """A newer attach of the same session took over."""

    reason = "SUPERSEDED"


class Draining(WanStreamerError):
    """The service is going away and takes no new sessions."""

    reason = "DRAINING"


class PeerUnavailable(WanStreamerError):
    """A service behind this one cannot be reached."""

    reason = "PEER_UNAVAILABLE"


class EngineFault(WanStreamerError):
    """A unit could not be computed."""

    reason = "ENGINE_FAULT"
