"""Which of this host's network interfaces leads to another host."""

import fcntl
import socket
import struct
from contextlib import suppress
from typing import Final

# The address of an interface, from linux/sockios.h: torch's libraries are told names, not addresses.
SIOCGIFADDR: Final = 0x8915


def interface_to(host: str) -> str:
    """The name of the interface, empty where it cannot be told (IPv6)."""
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        # Sends nothing: the kernel only chooses the way.
        probe.connect((host, 9))
        own = socket.inet_aton(probe.getsockname()[0])
        for _, name in socket.if_nameindex():
            with suppress(OSError):
                if fcntl.ioctl(probe, SIOCGIFADDR, struct.pack("256s", name.encode()[:15]))[20:24] == own:
                    return name
    return ""
