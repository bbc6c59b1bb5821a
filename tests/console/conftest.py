"""A province in trouble and the console over it, made once for the tests that only look."""

import pytest

from lienthong.warehouse import Warehouse

from ..conftest import ROOT
from . import world


@pytest.fixture(scope="session")
def trouble(new_database, migrated, contracts):
    with new_database(migrated) as connection:
        yield world.troubled(Warehouse(connection, ROOT), contracts)


@pytest.fixture(scope="session")
def console(trouble):
    with world.serving(trouble.warehouse, docs_url="http://127.0.0.1:8026/docs/") as running:
        yield running
