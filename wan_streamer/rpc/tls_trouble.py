"""What gRPC says when no connection came about because of TLS, in words that say what to do."""

from typing import Final

_OTHER_CA: Final = "its certificate is not of a CA that is believed here, or has expired: check the CA file"
# Part of gRPC's message -> stable word, what it means. Checked against gRPC itself in tests/contract/test_tls.py.
_TROUBLES: Final = (
    ("CERTIFICATE_VERIFY_FAILED", "TLS_CA", _OTHER_CA),
    # Another CA of the same name.
    ("certificate signature failure", "TLS_CA", _OTHER_CA),
    (
        "Hostname Verification Check failed",
        "TLS_NAME",
        "its certificate is for another name: check the address, or name the server",
    ),
    ("WRONG_VERSION_NUMBER", "TLS_PLAINTEXT", "it does not speak TLS: call it without, or give it a certificate"),
    (
        "failed to connect to all addresses; last error: UNAVAILABLE",
        "TLS_REFUSED",
        "it closes new connections: does it want TLS, or a certificate of ours that it believes?",
    ),
)


def tls_trouble(message: str) -> tuple[str, str]:
    """Reason and explanation of a message of gRPC; both empty when it is not about TLS."""
    for part, reason, explanation in _TROUBLES:
        if part in message and (reason != "TLS_REFUSED" or "Socket closed" in message):
            return reason, explanation
    return "", ""
