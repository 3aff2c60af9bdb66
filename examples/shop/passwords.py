"""Password hashes: scrypt, with the salt and the cost written beside each hash."""

import hashlib
import hmac
import secrets

BLOCK_SIZE = 8
PARALLELISM = 1


def hash_password(password: str, n: int) -> str:
    """Return the text to store for a password; costs time and 1 KiB × n of memory."""
    salt = secrets.token_bytes(16)
    return f"scrypt${n}${salt.hex()}${_derive(password, salt, n).hex()}"


def verify_password(password: str, stored: str) -> bool:
    """Tell whether the password is the one that was stored."""
    _, n, salt, expected = stored.split("$")
    derived = _derive(password, bytes.fromhex(salt), int(n))
    return hmac.compare_digest(derived, bytes.fromhex(expected))


def _derive(password: str, salt: bytes, n: int) -> bytes:
    return hashlib.scrypt(
        # JSON can spell half a surrogate pair, which plain UTF-8 refuses.
        password.encode("utf-8", "surrogatepass"),
        salt=salt,
        n=n,
        r=BLOCK_SIZE,
        p=PARALLELISM,
        maxmem=2 * 128 * BLOCK_SIZE * n + 2**20,
    )
