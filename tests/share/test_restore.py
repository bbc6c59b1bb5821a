"""After a restore nothing is given a number that receivers or readers know already."""

import psycopg

from ..conftest import ROOT
from ..sql.builders import at, day, rows_of
from .world import CAP_PHEP, row, run, version_of

AFTER = (ROOT / "sql/warehouse/after_restore.sql").read_text(encoding="utf-8")


def test_what_is_sent_and_read_after_a_restore_is_newer_than_what_was_lost(service):
    warehouse = service.warehouse
    run(warehouse, CAP_PHEP, day(1), [row("A-1", at(1)), row("A-2", at(1))])
    backup = version_of(warehouse, "cap_phep")
    with psycopg.connect(**warehouse.connection.conninfo()) as session:
        session.execute(
            "INSERT INTO publish.outbox (endpoint, dataset, record_key, version, order_key, state, run_id)"
            " SELECT 'shared_platform', 'cap_phep', _record_key, _version, 'x', s.state, _run_id FROM core.cap_phep"
            " JOIN (VALUES ('A-1', 'in_doubt'), ('A-2', 'done')) s (key, state) ON s.key = _record_key"
        )
        session.execute("INSERT INTO publish.bodies SELECT endpoint, dataset, record_key, version, '{}'"
                        " FROM publish.outbox WHERE state = 'in_doubt'")  # fmt: skip
        session.execute(AFTER)
    open_rows = (
        "SELECT o.state FROM publish.outbox o JOIN publish.bodies b USING (endpoint, dataset, record_key, version)"
        " JOIN core.cap_phep c ON c._record_key = o.record_key AND c._version = o.version"
    )
    assert rows_of(warehouse, open_rows) == [("in_doubt",)], "what waits still finds its record and its body"
    run(warehouse, CAP_PHEP, day(2), [row("A-1", at(2), loai="2"), row("A-2", at(2), loai="2")])
    versions = rows_of(warehouse, "SELECT _version FROM core.cap_phep")
    assert min(version for (version,) in versions) > 1000
    token = service.token("cap_phep")
    for since in (backup, backup + 3):
        assert service.get(token, "/v1/datasets/cap_phep/changes", since=since).status_code == 409
    assert len(service.walk(token, "cap_phep", "records")[0]["items"]) == 2
    now = version_of(warehouse, "cap_phep")
    assert service.get(token, "/v1/datasets/cap_phep/changes", since=now).json()["items"] == []
