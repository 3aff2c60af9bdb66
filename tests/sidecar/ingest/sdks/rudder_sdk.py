"""A shop's server: logins by rudder-sdk-python. `rudder_sdk.py HOST KEY NUMBER`."""

from __future__ import annotations

import importlib
import sys
from typing import Any

host, key, number = sys.argv[1:4]
# By name, as not everybody has it and its types are unknown.
Client = importlib.import_module("rudderstack.analytics.client").Client
errors: list[Any] = []
client = Client(key, host=host, upload_size=20, on_error=lambda error, items: errors.append(error))
for n in range(int(number)):
    user, address = f"rudder-{n}", f"rudder-{n}@example.com"
    client.identify(user, {"email": address, "lastName": "Müller", "logins": n})
    client.track(user, "Logged In", context={"traits": {"email": address}})
    client.page(user, name="Home")
client.flush()
client.join()
sys.exit(f"{len(errors)} errors: {errors[0]}" if errors else 0)
