"""Ports for servers that start later: nobody else is handed the same one meanwhile.

A port that was free at the time of asking may be another server's, or the near end of somebody's
connection, when the own server binds it. These come from below the range that the system itself
hands out, and each is reserved among frontdesk's processes by a lock that ends with its holder.
"""

import fcntl
import os
import random
import socket
import tempfile
from pathlib import Path

_RANGE = range(20_000, 32_000)
_held: list[int] = []


def free_port() -> int:
    """A loopback port that is free, and reserved for as long as this process lives.

    Raises:
        OSError: every port of the range is taken.
    """
    for port in random.sample(_RANGE, len(_RANGE)):
        if _reserve(port) and _is_free(port):
            return port
    raise OSError("no free port")


def _reserve(port: int) -> bool:
    place = Path(tempfile.gettempdir()) / f"frontdesk-ports-{os.getuid()}"
    place.mkdir(mode=0o700, exist_ok=True)
    lock = os.open(place / str(port), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return False
    _held.append(lock)
    return True


def _is_free(port: int) -> bool:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True
