"""What monitors read: a form that a strict parser takes, numbers that the warehouse holds, and no unit by name."""

import json
import re

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families as parse

from lienthong.metrics.health import MOST_SILENT, MOST_WAITING, Watch
from lienthong.metrics.measured import FAMILIES, FRESH, OUTBOX, Measures
from lienthong.metrics.text import Family, Sample, render

from ..conftest import ROOT
from ..sql.alert_stories import DOWN, EA_BUNG, EA_SUP, Story
from ..sql.builders import day

PERSON = "Hờ Đánh Dấu"
RULES = ROOT / "docker/monitoring/alerts.yml"
BOARD = ROOT / "docker/monitoring/grafana-lienthong.json"


@pytest.fixture
def story(province, contracts):
    return Story(province, contracts).at(5, 9)


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def measures(warehouse, contracts, clock=None):
    return Measures(ROOT, warehouse.session, lambda: contracts, clock or Clock())


def read(text):
    """Every sample by name and labels in their order, as a parser of Prometheus finds them."""
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in parse(text)
        for sample in family.samples
    }


def test_no_label_and_no_help_breaks_a_line():
    hostile = 'a"b\\c\nd{e="f"} 7'
    family = Family("lienthong_x", "gauge", hostile)
    (found,) = parse(render([family], [Sample("lienthong_x", {"kind": hostile}, 3)]))
    assert (found.samples[0].labels, found.samples[0].value) == ({"kind": hostile}, 3)
    with pytest.raises(ValueError, match="lienthong_y"):
        render([family], [Sample("lienthong_y", {}, 1)])


def test_measures_say_what_the_ledger_holds(story, contracts):
    clock = Clock()
    found = measures(story.warehouse, contracts, clock)
    assert read(found.text())["lienthong_sources", "ho_so"] == 0, "before the first run there is nothing to be late"
    for number in (2, 3):
        story.source(EA_SUP, day(number))
        story.source(EA_BUNG, day(number), DOWN)
    story.hold(EA_SUP, "A-1", "A-2", chu_ho_so=PERSON)
    with story.warehouse.session() as session:
        session.execute(
            "INSERT INTO ops.watermarks (dataset, source, window_end) VALUES ('ho_so', %s, %s)", [EA_SUP, day(3).end]
        )
    clock.now += FRESH
    text = found.text()
    said = read(text)
    assert said["lienthong_quarantine_open_rows", "ho_so"] == 2
    assert said["lienthong_windows_missing", "ho_so"] == 2
    assert said["lienthong_problems_open", "source_down"] == 1
    # the hold is a window of the 5th in which nobody was asked; on the 5th at nine the newest window of both is the 3rd
    assert said["lienthong_run_duration_seconds_count", "ho_so"] == 5
    assert not re.search(r"H15\.|A-[12]", text)
    assert PERSON not in text


def test_freshness_is_that_of_the_best_and_of_the_worst_source(story, contracts):
    for number in (1, 2, 3):
        story.source(EA_SUP, day(number))
        story.source(EA_BUNG, day(number), DOWN if number > 1 else None)
    with story.warehouse.session() as session:
        session.cursor().executemany(
            "INSERT INTO ops.watermarks (dataset, source, window_end) VALUES ('ho_so', %s, %s)",
            [(EA_SUP, day(3).end), (EA_BUNG, day(1).end)],
        )
    said = read(measures(story.warehouse, contracts).text())
    hour = 3600
    assert said["lienthong_freshness_seconds", "ho_so"] == (24 + 9) * hour
    assert said["lienthong_freshness_worst_seconds", "ho_so"] == (3 * 24 + 9) * hour
    assert (said["lienthong_sources", "ho_so"], said["lienthong_sources_late", "ho_so"]) == (2, 1)
    # on the 5th at nine the day of the 3rd is owed by everybody: a day later than its end, as the contract promises
    assert said["lienthong_windows_late", "ho_so"] == 2
    assert said["lienthong_windows_missing", "ho_so"] == 2
    story.source(EA_BUNG, day(2))
    assert read(measures(story.warehouse, contracts).text())["lienthong_windows_missing", "ho_so"] == 1


def outbox(warehouse, *rows):
    with warehouse.session() as session:
        run = session.execute(
            "INSERT INTO ops.runs (dataset, window_start, window_end) VALUES ('ho_so', %s, %s)"
            " ON CONFLICT (dataset, kind, window_start) WHERE state = 'open' DO UPDATE SET dataset = excluded.dataset"
            " RETURNING run_id",
            [day(1).start, day(1).end],
        ).fetchone()["run_id"]
        session.cursor().executemany(
            "INSERT INTO publish.outbox (endpoint, dataset, record_key, version, order_key, state, next_attempt_at,"
            f" enqueued_at, run_id) VALUES ('national_portal', 'ho_so', %s, 1, 'x', %s, %s,"
            f" clock_timestamp() - make_interval(secs => %s), {run})",
            rows,
        )


def receive(warehouse, first, last, outcome, mark=""):
    with warehouse.session() as session:
        session.execute(
            "INSERT INTO publish.receipts SELECT 'national_portal', n, 'ho_so', 'k' || n, 1, %s, '1', '', 'r', 'h',"
            " clock_timestamp(), '', %s || n FROM generate_series(%s::bigint, %s) n",
            [outcome, mark, first, last],
        )
        session.execute(
            "INSERT INTO publish.chain_heads VALUES ('national_portal', %(n)s, %(h)s, 1) ON CONFLICT (endpoint)"
            " DO UPDATE SET place = %(n)s, hash = %(h)s",
            {"n": last, "h": f"{mark}{last}"},
        )


def test_what_a_receiver_has_not_accepted_is_told_by_state_and_age(province, contracts):
    outbox(
        province,
        ("a", "pending", "2025-09-01", 100), ("b", "in_doubt", "2025-09-01", 3600), ("c", "dead", "2025-09-01", 90_000),
        ("d", "pending", "infinity", 90_000), ("e", "done", "2025-09-01", 90_000),
    )  # fmt: skip
    said = read(measures(province, contracts).text())
    states = {state: said["lienthong_outbox_records", "national_portal", state] for state in OUTBOX}
    assert states == {"pending": 1, "held": 1, "claimed": 0, "in_doubt": 1, "dead": 1}
    assert 3600 <= said["lienthong_outbox_oldest_seconds", "national_portal"] < 3700
    assert said["lienthong_outbox_oldest_seconds", "public_app"] == 0


def test_what_a_receiver_holds_otherwise_is_told_by_kind_and_by_the_age_of_the_looks(province, contracts):
    said = read(measures(province, contracts).text())
    assert ("lienthong_reconcile_age_seconds", "national_portal") not in said, "never looked at is no age"
    with province.session() as session:
        session.execute(
            "INSERT INTO ops.reconciliations (endpoint, state, day, closed_at, whole_since) VALUES"
            " ('national_portal', 'done', now(), now() - interval '1 hour', now() - interval '2 days'),"
            " ('national_portal', 'open', now(), NULL, NULL)"
        )
        session.execute(
            "INSERT INTO ops.reconciliations (endpoint, state, day, first_day, last_day, closed_at) VALUES"
            " ('national_portal', 'done', now(), now(), now(), now())"  # asked for: it says nothing of the daily looks
        )
        session.execute(
            "INSERT INTO ops.differences (endpoint, dataset, record_key, kind, closed_at, reconciliation_id) VALUES"
            " ('national_portal', 'ho_so', 'a', 'missing', NULL, 1),"
            " ('national_portal', 'ho_so', 'b', 'missing', now(), 1)"
        )
        session.execute(
            "INSERT INTO ops.reconciliation_parts (reconciliation_id, number, dataset, state) VALUES"
            " (1, 1, 'ho_so', 'refused'), (1, 2, 'ho_so', 'looked')"
        )
    said = read(measures(province, contracts).text())
    assert said["lienthong_reconcile_differences", "national_portal", "missing"] == 1
    assert said["lienthong_reconcile_differences", "national_portal", "extra"] == 0
    assert said["lienthong_reconcile_age_seconds", "national_portal"] == pytest.approx(3600, abs=60)
    assert said["lienthong_reconcile_whole_age_seconds", "national_portal"] == pytest.approx(2 * 86400, abs=60)
    assert said["lienthong_reconcile_refused_answers", "national_portal"] == 1


def test_receipts_are_counted_once_and_anew_after_a_restore(province, contracts):
    clock = Clock()
    found = measures(province, contracts, clock)

    def counted():
        clock.now += FRESH
        said = read(found.text())
        return tuple(
            said["lienthong_receipts_total", "national_portal", outcome] for outcome in ("accepted", "refused")
        )

    receive(province, 1, 5, "accepted")
    assert counted() == (5, 0)
    receive(province, 6, 8, "refused")
    assert counted() == (5, 3)
    with province.session() as session:  # an older state of the warehouse, which went on otherwise
        session.execute("ALTER TABLE publish.receipts DISABLE TRIGGER receipts_only_grow")
        session.execute("DELETE FROM publish.receipts WHERE place > 4")
    receive(province, 5, 9, "accepted", mark="other")
    assert counted() == (9, 0)


def test_many_who_ask_at_once_ask_the_warehouse_once(province, contracts):
    clock, opened = Clock(), []

    def session():
        opened.append(1)
        return province.session()

    found = Measures(ROOT, session, lambda: contracts, clock)
    assert found.text() == found.text()
    assert len(opened) == 1
    clock.now += FRESH
    found.text()
    assert len(opened) == 2


# -- health


def look(warehouse):
    return Watch(ROOT, warehouse.session).look()


def test_a_record_that_waits_too_long_is_not_well(province):
    assert look(province).well
    outbox(province, ("a", "pending", "infinity", 10**6), ("b", "dead", "2025-09-01", 10**6))
    assert look(province).well, "what is held waits for a person, what is dead for nobody"
    outbox(province, ("c", "pending", "2025-09-01", MOST_WAITING.total_seconds() + 60))
    found = look(province)
    assert (found.status, found.checks["outbox"]["well"]) == (503, False)
    assert found.told(whole=False) == {"status": "failing"}


def test_a_ledger_without_a_word_is_not_well_unless_time_stands_still(story):
    warehouse = story.warehouse
    with warehouse.session() as session:
        session.execute(
            "INSERT INTO ops.runs (dataset, window_start, window_end, opened_at)"
            " VALUES ('ho_so', %s, %s, clock_timestamp() - %s)",
            [day(1).start, day(1).end, MOST_SILENT * 2],
        )
    assert look(warehouse).well
    with warehouse.session() as session:
        session.execute("DELETE FROM ops.clock")
    assert look(warehouse).checks["tasks"]["well"] is False


def test_a_warehouse_that_does_not_answer_is_told_of():
    from lienthong.connections import Connection
    from lienthong.share.pool import Pool

    nowhere = Connection("warehouse", "postgres", "127.0.0.1", 1, "nobody", "", "nothing", {})
    found = Watch(ROOT, Pool(nowhere, 1).session).look()
    assert (found.status, found.told(whole=True)["checks"]) == (503, {"warehouse": {"well": False}})


# -- dashboards and rules


def expressions():
    """Every expression of the files, by where it stands."""
    board = json.loads(BOARD.read_text(encoding="utf-8"))
    for panel in board["panels"]:
        for target in panel["targets"]:
            yield f"panel {panel['title']}", target["expr"]
    for group in yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]:
        for alert in group["rules"]:
            yield alert["alert"], alert["expr"]


def test_dashboards_and_rules_name_what_is_served(story, contracts):
    """Names with their suffixes, labels, and the values of labels that are ours."""
    story.source(EA_SUP, day(3), DOWN)
    receive(story.warehouse, 1, 2, "accepted")
    with story.warehouse.session() as session:
        session.execute("INSERT INTO ops.problems (kind, dataset, source) VALUES ('schema_drift', 'ho_so', 'x')")
    served = {}
    for family in parse(measures(story.warehouse, contracts).text()):
        for sample in family.samples:
            served.setdefault(sample.name, []).append(sample.labels)
    known = set(served) | {family.name for family in FAMILIES if family.kind != "summary"}
    used = set()
    for where, expression in expressions():
        for name, selector in re.findall(r"(lienthong_\w+)(?:\{([^}]*)\})?", expression):
            assert name in known, f"{where}: {name}"
            used.add(name)
            for label, _, values in re.findall(r'(\w+)(=~?)"([^"]*)"', selector):
                for value in values.split("|"):
                    assert any(labels.get(label) == value for labels in served[name]), f"{where}: {label}={value}"
        for labels in re.findall(r"by \(([^)]*)\)", expression):
            (name,) = set(re.findall(r"lienthong_\w+", expression))
            assert all(set(labels.split(", ")) <= set(found) for found in served[name]), where
    shown = {family.name for family in FAMILIES} - {re.sub("_(sum|count)$", "", name) for name in used}
    assert shown <= {"lienthong_sources", "lienthong_run_newest_seconds", "lienthong_freshness_seconds"}


def test_every_rule_leads_to_a_runbook():
    (group,) = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    names = [rule["alert"] for rule in group["rules"]]
    assert len(names) == len(set(names)) > 10
    for rule in group["rules"]:
        assert (ROOT / rule["annotations"]["runbook"]).is_file(), rule["alert"]
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert rule["annotations"]["summary"]
