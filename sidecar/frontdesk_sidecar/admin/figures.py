"""Times, sizes and numbers as people read them."""

from __future__ import annotations

from datetime import datetime


def span(seconds: float) -> str:
    """`40 s`, `31 min`, `5 h 12 min`, `3 d 4 h`."""
    whole = max(0, round(seconds))
    if whole < 120:
        return f"{whole} s"
    minutes = whole // 60
    if minutes < 120:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"


def ago(moment: object, now: datetime) -> str:
    """` since 02:14 UTC (31 min)`, with the day if it is another one; empty for no time."""
    if not isinstance(moment, str):
        return ""
    since = datetime.fromisoformat(moment).astimezone(now.tzinfo)
    day = "" if since.date() == now.date() else f"{since:%Y-%m-%d} "
    return f" since {day}{since:%H:%M %Z} ({span((now - since).total_seconds())})"


def at(moment: str, now: datetime) -> str:
    """`02:14:09 UTC (31 min ago)`, with the day if it is another one."""
    then = datetime.fromisoformat(moment).astimezone(now.tzinfo)
    day = "" if then.date() == now.date() else f"{then:%Y-%m-%d} "
    return f"{day}{then:%H:%M:%S %Z} ({span((now - then).total_seconds())} ago)"


def size(number: float) -> str:
    """`12 B`, `3.4 KiB`, `20 GiB`."""
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if number < 1024 or unit == "TiB":
            break
        number /= 1024
    digits = 0 if unit == "B" or number >= 10 else 1
    return f"{number:.{digits}f} {unit}"


def counted(number: int, noun: str) -> str:
    """`1 customer`, `1,204 customers`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
