"""The sandbox's quarter gives the published figures, by both definitions, and a refresh costs what changed."""

import pytest
from benchmarks.indicators import PUBLISHED, measure


@pytest.fixture(scope="module")
def measured(new_database, migrated):
    from lienthong.settings import ROOT
    from lienthong.warehouse import Warehouse

    with new_database(migrated) as connection:
        yield measure(Warehouse(connection, ROOT))


# 320,000 dossiers go through the real statements several times: minutes, not for every run of the suite.
pytestmark = pytest.mark.services


def test_the_quarter_has_its_320_000_dossiers_and_is_on_time(measured):
    quarter = measured["quarter"]["H15"]
    assert quarter["received"] == pytest.approx(320_000, rel=0.01)
    assert quarter["on_time_of_resolved"] > 98
    assert quarter["national_of_received"] != quarter["on_time_of_resolved"]
    differ = measured["definitions_differ"]
    assert differ["total"] == sum(reason["dossiers"] for reason in differ["reasons"].values()) > 0
    assert "other" not in differ["reasons"]


@pytest.mark.parametrize("unit", PUBLISHED)
def test_the_shares_that_follow_from_the_published_counts_come_out_to_their_two_decimals(measured, unit):
    ours, published = measured["at_2_september"][unit], measured["published_at_2_september"][unit]
    for share in ("on_time_of_resolved", "resolved_of_received"):
        assert ours[share] == published[share], share


def test_a_refresh_costs_what_changed_not_what_is_there(measured):
    seconds, changed = measured["seconds"], measured["changed"]
    early, late = "a_day_after_29_days", "a_day_after_91_days"
    each = {name: seconds[name] / changed[name]["dossiers"] for name in (early, late)}
    assert each[late] < 2 * each[early]  # three times the history
    assert seconds[late] < seconds["from_nothing"] / 4
    renamed = "one_unit_renamed"
    assert changed[renamed] == {"dossiers": 0, "indicators": 0}
    assert seconds[renamed] < seconds["from_nothing"] / 20
    assert seconds["one_service_point_changed"] < seconds["from_nothing"] / 10
