"""Zero code: `FRONTDESK_APP=shop.main:app uvicorn frontdesk.wrap:app`.

The app named in `FRONTDESK_APP` is imported when this module is, as the server would have done
it, and wrapped. Everything passes through, lifespan included.
"""

from __future__ import annotations

import os

from frontdesk.asgi import CaptureMiddleware
from frontdesk.named import named_app
from frontdesk.settings import load_capture

app = CaptureMiddleware(named_app(os.environ), settings=load_capture())
