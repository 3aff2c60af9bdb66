"""What every test shares: how many examples hypothesis tries.

HYPOTHESIS_EXAMPLES=1000 make test looks further.
"""

import os

from hypothesis import settings

settings.register_profile(
    "suite", max_examples=int(os.environ.get("HYPOTHESIS_EXAMPLES", "40")), deadline=None
)
settings.load_profile("suite")
