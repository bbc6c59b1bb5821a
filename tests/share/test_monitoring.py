"""What the read service tells monitors: measures to the right token only, and to anybody no more than a word."""

import pytest

from lienthong.metrics.text import MEDIA
from lienthong.share.tokens import METRICS

from ..sql.builders import day, rows_of
from .world import CAP_PHEP, PERSON, row, run

PATHS = ("/lienthong/metrics", "/lienthong/health")


@pytest.fixture
def filled(service):
    run(service.warehouse, CAP_PHEP, day(1), [row("A-1", "2025-09-01 08:00:00"), row("A-2", "2025-09-01 08:00:00")])
    return service


def test_measures_are_for_a_token_with_the_right(filled):
    data, monitor = filled.token("cap_phep", ceiling="personal"), filled.token(METRICS)
    assert filled.get(None, "/lienthong/metrics").status_code == 401
    assert filled.get("lt_" + "x" * 43, "/lienthong/metrics").status_code == 401
    assert filled.get(data, "/lienthong/metrics").status_code == 403
    answer = filled.get(monitor, "/lienthong/metrics")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, MEDIA)
    assert 'lienthong_rows_total{dataset="cap_phep",outcome="inserted"} 2\n' in answer.text
    assert PERSON not in answer.text
    assert "A-1" not in answer.text


def test_the_right_to_measures_opens_no_dataset(filled):
    monitor = filled.token(METRICS, ceiling="personal")
    assert filled.get(monitor, "/v1/datasets").json()["items"] == []
    for name in ("cap_phep", METRICS):
        for path in ("", "/records", "/changes?since=0", "/exports"):
            assert filled.get(monitor, f"/v1/datasets/{name}{path}").status_code == 403, path


def test_health_tells_strangers_a_word_and_monitors_the_reasons(filled):
    assert filled.get(None, "/lienthong/health").json() == {"status": "ok"}
    told = filled.get(filled.token(METRICS), "/lienthong/health")
    assert (told.status_code, set(told.json()["checks"])) == (200, {"warehouse", "tasks", "outbox"})
    assert filled.get(filled.token("cap_phep"), "/lienthong/health").status_code == 403
    assert filled.get("lt_" + "x" * 43, "/lienthong/health").status_code == 401


def test_a_monitor_writes_nothing(filled):
    monitor = filled.token(METRICS)
    before = rows_of(filled.warehouse, "SELECT count(*) FROM share.accesses")
    for path in PATHS:
        assert filled.get(monitor, path).status_code == 200
    assert rows_of(filled.warehouse, "SELECT count(*) FROM share.accesses") == before
