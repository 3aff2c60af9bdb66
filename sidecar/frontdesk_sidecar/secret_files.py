"""Secrets: given in the settings, or in files of their own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any


def check_secret(
    name: str, values: Mapping[str, Any], problems: list[str], *, needed: bool = False
) -> None:
    inline, path = values[name], values[f"{name}_file"]
    if inline is not None and path is not None:
        problems.append(f"{name}: give it or {name}_file, not both")
    elif path is not None:
        try:
            read_secret(path)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            problems.append(f"{name}_file: cannot be read: {reason}")
    elif needed and inline is None:
        problems.append(f"{name}_file: is required, or {name}")


def check_key(values: Mapping[str, Any], problems: list[str]) -> None:
    """`http.key` travels in a header, and in what people type."""
    key = http_key(values)
    if key is not None and not all("!" <= char <= "~" for char in key):
        where = "http.key" if values["http.key_file"] is None else "http.key_file"
        problems.append(
            f"{where}: expected visible ASCII characters without spaces: it is sent in a header"
        )


def http_key(values: Mapping[str, Any]) -> str | None:
    path = values["http.key_file"]
    if path is None:
        key: str | None = values["http.key"]
        return key
    try:
        return read_secret(path)
    except (OSError, ValueError):
        return None  # reported by check_secrets


def read_secret(path: str) -> str:
    """A secret file's text without the line break at its end. Raises OSError or ValueError."""
    try:
        secret = Path(path).read_text(encoding="utf-8").strip()
    except UnicodeDecodeError:
        raise ValueError("is not UTF-8") from None
    if not secret:
        raise ValueError("is empty")
    return secret
