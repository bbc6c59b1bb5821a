"""The national portal through the standard suite, and what is its own: bodies, codes, the split of arrays."""

import hashlib
import json

import pytest

from lienthong.connections import Connection
from lienthong.endpoints import Feed, Item, NationalPortal
from lienthong.endpoints.national_portal import mark_of
from lienthong.sandbox.portal_options import PortalOptions
from lienthong.sandbox.portal_server import running_portal
from tests.endpoints.suite import Accepted, EndpointSuite, Stage
from tests.endpoints.world import CITIZEN, OWNER, PROCEDURE, World, code

PASSWORD = "mat-khau-dvc-kin"


class PortalStage(Stage):
    """The sandbox portal in this process, over HTTP."""

    password = PASSWORD

    def __init__(self, world, running, folder) -> None:
        connection = Connection(
            "national_portal", "http", host=running.url, login="daklak", password=PASSWORD,
            extra={"dossiers_per_request": EndpointSuite.per_request, "timeout": 5},
        )  # fmt: skip
        super().__init__(world, connection, folder)
        self.running = running

    def misbehave(self, fault, **how):
        self.running.misbehaviour.add(fault=fault, **how)

    def behave(self):
        self.running.misbehaviour.clear()

    def accepted(self):
        return [
            Accepted(one.record_key, one.sha256, one.effect, one.kind)
            for one in self.running.log.effects()
            if one.request_id not in self._foreign
        ]

    def requests(self):
        return sum(one.service != "login" for one in self.running.log.requests())

    _foreign: frozenset[str] = frozenset()

    def hold(self, *codes):
        portal = NationalPortal(self.connection)
        for ma_ho_so in codes:
            body = json.dumps({**json.loads(dossier_body(self.world, ma_ho_so)), "GhiChu": "từ hệ thống khác"})
            portal.client.call("DongBoHoSoMC", {"isUpdating": "False"}, [body])
        portal.close()
        self._foreign = frozenset(one.request_id for one in self.running.log.effects())


def dossier_body(world, ma_ho_so):
    """The body that our statement makes of a dossier."""
    from lienthong.warehouse.statements import statement

    with world.session() as session:
        query = statement(world.warehouse.home, "publish/national_portal.ho_so")
        values = {"keys": [ma_ho_so], "versions": [1]}
        return session.execute(query, values).fetchone()["body"]


@pytest.fixture
def stage(warehouse, tmp_path):
    with running_portal(PortalOptions(tmp_path / "portal", "daklak", PASSWORD)) as running:
        yield PortalStage(World(warehouse), running, tmp_path)


class TestNationalPortal(EndpointSuite):
    """Every test of the standard suite against the sandbox portal."""
