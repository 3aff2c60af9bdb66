"""Zero code: `FRONTDESK_APP=shop:app gunicorn frontdesk.wrap_wsgi:app`, for WSGI apps.

The app named in `FRONTDESK_APP` is imported when this module is, as the server would have done
it, and wrapped. Raises ConfigurationError when it names none.
"""

from __future__ import annotations

import os

from frontdesk.named import named_app
from frontdesk.wsgi import CaptureMiddleware

app = CaptureMiddleware(named_app(os.environ))
