"""A warehouse with four small datasets, and the read service over it."""

import pytest

from lienthong.quality import judging
from lienthong.warehouse.migrations import migrate

from . import world


@pytest.fixture
def wh(warehouse, monkeypatch):
    migrate(warehouse, world.CONTRACTS.values())
    monkeypatch.setattr(judging, "expect", world.split(warehouse))
    return warehouse


@pytest.fixture
def service(wh, tmp_path):
    with world.serving(wh, tmp_path) as running:
        yield running
