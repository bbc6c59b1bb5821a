"""What monitors read at the console: measures and health, behind the same guard as every page."""

from prometheus_client.parser import text_string_to_metric_families as parse

from lienthong.metrics.text import MEDIA

from .world import OFFICER, PERSON


def test_measures_are_shown_to_whoever_may_see_the_console(console):
    assert console.get("/metrics", who=None).status_code == 401
    assert console.get("/metrics", who="other").status_code == 403
    assert console.get("/metrics", method="POST").status_code == 405
    answer = console.get("/metrics")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, MEDIA)
    told = {family.name: family.samples for family in parse(answer.text)}
    kinds = {sample.labels["kind"]: sample.value for sample in told["lienthong_problems_open"]}
    assert kinds["schema_drift"] == kinds["blocked"] == 1
    assert max(sample.value for sample in told["lienthong_quarantine_open_rows"]) == 13
    assert "H15." not in answer.text
    assert PERSON not in answer.text
    assert OFFICER not in answer.text


def test_health_is_told_with_its_reasons_behind_the_guard(console):
    assert console.get("/health", who=None).status_code == 401
    answer = console.get("/health")
    assert (answer.status_code, answer.json()["status"]) == (200, "ok")
    assert set(answer.json()["checks"]) == {"warehouse", "tasks", "outbox"}
