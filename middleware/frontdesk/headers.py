"""Raw ASGI headers: single values, cookies sent, cookies set."""

from __future__ import annotations

from collections.abc import Iterable

RawHeaders = Iterable[tuple[bytes, bytes]]


def header(headers: RawHeaders, name: bytes) -> str | None:
    """The first value of a header, `name` in lower case; bytes read as ISO-8859-1 (RFC 9110)."""
    for key, value in headers:
        if key.lower() == name:
            return value.decode("latin-1")
    return None


def cookies(headers: RawHeaders) -> dict[str, str]:
    """The request's cookies by name (RFC 6265 section 4.2)."""
    texts = (value.decode("latin-1") for key, value in headers if key.lower() == b"cookie")
    pairs = (part.partition("=") for part in ";".join(texts).split(";"))
    return {name.strip(): value.strip() for name, _, value in pairs if name.strip()}


def set_cookies(headers: RawHeaders) -> dict[str, str]:
    """The cookies that an answer sets, by name; those that it deletes are left out.

    A cookie is deleted by an empty value, or one that expires at once (RFC 6265 section 5.2).
    """
    found: dict[str, str] = {}
    for key, raw in headers:
        if key.lower() != b"set-cookie":
            continue
        pair, _, attributes = raw.decode("latin-1").partition(";")
        name, _, value = pair.partition("=")
        name, value = name.strip(), value.strip().strip('"')
        if not name:
            continue
        if value and not _is_over(attributes.lower()):
            found[name] = value
        else:
            found.pop(name, None)
    return found


def _is_over(attributes: str) -> bool:
    for attribute in attributes.split(";"):
        name, _, value = attribute.strip().partition("=")
        if name == "max-age":  # wins over expires
            return value.strip().startswith(("0", "-"))
    return "expires=thu, 01 jan 1970" in attributes or "expires=thu, 01-jan-1970" in attributes
