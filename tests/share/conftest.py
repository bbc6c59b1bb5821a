"""A warehouse with four small datasets, and the read service over it."""

import pytest

from lienthong.quality import judging
from lienthong.warehouse import Warehouse
from lienthong.warehouse.migrations import migrate

from ..conftest import ROOT
from . import world


@pytest.fixture(scope="session")
def four(new_database, laid_out):
    """Name of a database that holds the tables of the datasets and no row; copy it, never write into it."""
    with new_database(laid_out) as connection:
        migrate(Warehouse(connection, ROOT), world.CONTRACTS.values())
        yield connection.schema


@pytest.fixture
def wh(new_database, four, monkeypatch):
    with new_database(four) as connection:
        warehouse = Warehouse(connection, ROOT)
        monkeypatch.setattr(judging, "expect", world.split(warehouse))
        yield warehouse


@pytest.fixture
def service(wh, tmp_path):
    with world.serving(wh, tmp_path) as running:
        yield running
