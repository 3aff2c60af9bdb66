"""What the environment decides."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from shop.storage import stable_secret


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one shop process."""

    database: Path
    secret: str = field(repr=False)
    scrypt_n: int = 2**14

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> "Settings":
        """Read `SHOP_DATABASE`, `SHOP_SECRET` and `SHOP_SCRYPT_N`."""
        database = Path(environ.get("SHOP_DATABASE") or "shop.db").absolute()
        secret = environ.get("SHOP_SECRET") or stable_secret(database.with_suffix(".secret"))
        scrypt_n = power_of_two("SHOP_SCRYPT_N", environ.get("SHOP_SCRYPT_N") or str(2**14))
        return cls(database, secret, scrypt_n)


def power_of_two(name: str, value: str) -> int:
    """Return the value as a number that scrypt accepts as its cost."""
    number = int(value) if value.isdecimal() else 0
    if number < 2 or number & (number - 1):
        raise ValueError(f"{name} must be a power of two, 2 or more")
    return number
