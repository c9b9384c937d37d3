"""Settings and fixtures. The package under test is the installed one."""

from __future__ import annotations

import os

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

# "gate" tries the same examples in every run; VECINAL_HYPOTHESIS=explore others, and more.
settings.register_profile("gate", derandomize=True, deadline=None, max_examples=100, database=None)
settings.register_profile(
    "explore",
    deadline=None,
    max_examples=int(os.environ.get("VECINAL_EXAMPLES", "2000")),
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
)
settings.load_profile(os.environ.get("VECINAL_HYPOTHESIS", "gate"))


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20)
