"""How the property tests search: without a deadline, since the machines that run them may be busy with other work."""

import os

from hypothesis import HealthCheck, settings

# In CI the examples are the same every time, so that a change is judged by itself; elsewhere new ones are tried.
settings.register_profile(
    "patient", deadline=None, derandomize="CI" in os.environ, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("patient")
