"""How the property tests search: without a deadline, since the machines that run them may be busy with other work."""

import os

from hypothesis import HealthCheck, Phase, settings

# In CI the examples are the same every time, so that a change is judged by itself; elsewhere new ones are tried.
# Under `make mutants` only counts that there is one that fails.
settings.register_profile(
    "patient",
    deadline=None,
    derandomize="CI" in os.environ,
    phases=[Phase.explicit, Phase.generate] if "ORDERFLOW_MUTANT" in os.environ else tuple(Phase),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("patient")
