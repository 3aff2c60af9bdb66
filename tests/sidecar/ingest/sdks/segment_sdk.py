"""A shop's server: logins by segment-analytics-python. `segment_sdk.py HOST KEY NUMBER [gzip]`."""

from __future__ import annotations

import sys
from typing import Any

from segment.analytics import Client

host, key, number = sys.argv[1:4]
errors: list[Any] = []
client = Client(
    key,
    host=host,
    gzip="gzip" in sys.argv[4:],
    upload_size=20,
    upload_interval=0.05,
    on_error=lambda error, items: errors.append(error),
)
for n in range(int(number)):
    user, address = f"python-{n}", f"python-{n}@example.com"
    client.identify(user, {"email": address, "lastName": "Müller", "logins": n})
    client.track(user, "Logged In", context={"traits": {"email": address}})
    client.track(user, "Order Completed", {"revenue": 9.99})
    client.page(user, name="Home")
    client.screen(user, name="Home")
client.group("python-0", "g", {"email": "group@example.com"})
client.alias("x", "python-0")
client.flush()
client.join()
sys.exit(f"{len(errors)} errors: {errors[0]}" if errors else 0)
