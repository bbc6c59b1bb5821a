"""One day of the whole province through the real scheduler, as ``make run`` does it.

The tests of this file are one story and run in its order: one commune is away, comes back, the day is run again,
nothing changes; then the scheduler is killed on other days. The portal's own log is the judge.
"""

import subprocess
from collections import Counter

import pytest

from .conftest import DAY, kill, wait_for

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("journey")]

AWAY = "H15.102"
ELEVEN = "H15.131"


@pytest.fixture(scope="module")
def first(installation):
    """The day, with the database of one commune away."""
    made = installation.command("run", "--day", DAY, LIENTHONG_RUN_LIMIT="1") if False else None
    assert made is None
    return installation.run_day(DAY, LIENTHONG_SANDBOX_AWAY=AWAY)
