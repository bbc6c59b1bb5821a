"""The watcher sees silence from outside: a source, a scheduler, a unit that never gave anything."""

import pytest

from lienthong.alerts.watch import watch

from .alert_stories import DOWN, EA_BUNG, EA_SUP, PROVINCE, Story, said
from .builders import day, rows_of


@pytest.fixture
def story(province, contracts):
    """Every source of every dataset has given the 5th of September whole; it is the 6th, one o'clock in the morning."""
    story = Story(province, contracts).at(6, 1)
    story.contact(EA_SUP)
    story.contact("")
    with province.session() as session:
        for name, contract in contracts.items():
            session.execute(
                "INSERT INTO ops.runs (dataset, window_start, window_end) VALUES (%s, %s, %s)",
                [name, day(5).start, day(5).end],
            )
            sources = list(story.units) if contract.source.for_each else [contract.source.connection]
            fresh(session, name, sources, 5)
    return story


def fresh(session, dataset, sources, number):
    session.cursor().executemany(
        "INSERT INTO ops.watermarks (dataset, source, window_end) VALUES (%s, %s, %s)"
        " ON CONFLICT (dataset, source) DO UPDATE SET window_end = excluded.window_end",
        [(dataset, source, day(number).end) for source in sources],
    )


def give(story, number, *, but=()):
    """Every source gives a day, but for some units."""
    with story.warehouse.session() as session:
        for name, contract in story.contracts.items():
            sources = list(story.units) if contract.source.for_each else [contract.source.connection]
            fresh(session, name, [source for source in sources if source not in but], number)


def look(story):
    """What a look finds; a second one changes nothing."""
    seen = watch(story.warehouse, story.contracts)
    everything = "SELECT * FROM ops.problems ORDER BY problem_id"
    before = rows_of(story.warehouse, everything)
    assert watch(story.warehouse, story.contracts) == seen
    assert rows_of(story.warehouse, everything) == before
    return seen


def standing(story):
    return set(rows_of(story.warehouse, "SELECT kind, dataset, source FROM ops.problems WHERE closed_at IS NULL"))


def test_nothing_is_stale_before_the_next_window_is_over_and_promised(story):
    give(story, 6, but=[EA_SUP])
    assert look(story.at(8, 0)).stale == ()
    give(story, 7, but=[EA_SUP])
    assert look(story.at(8, 0, 1)).stale == (("ho_so", EA_SUP), ("tien_trinh", EA_SUP))
    assert standing(story) == {("stale", "ho_so", EA_SUP), ("stale", "tien_trinh", EA_SUP)}
    give(story, 7)
    assert look(story.at(8, 1)).stale == ()
    assert standing(story) == set()


def test_a_source_that_never_gave_anything_counts_from_the_first_day_of_its_dataset(story):
    with story.warehouse.session() as session:
        session.execute("DELETE FROM ops.watermarks WHERE source = %s", [EA_BUNG])
        session.execute("UPDATE core.don_vi SET hieu_luc_tu = '2025-09-06' WHERE ma_don_vi = 'H15.133'")
        session.execute("DELETE FROM ops.watermarks WHERE source = 'H15.133'")
        session.execute("UPDATE core.don_vi SET hieu_luc_den = '2025-09-07' WHERE ma_don_vi = 'H15.134'")
        session.execute("DELETE FROM ops.watermarks WHERE source = 'H15.134'")
    give(story, 6, but=[EA_BUNG, "H15.133", "H15.134"])
    stale = {source for _, source in look(story.at(7, 0, 1)).stale}
    assert stale == {EA_BUNG}, "a unit counts from its first day, and not beyond its last"


def test_what_is_known_to_be_down_is_not_told_again_as_stale(story):
    story.source(EA_SUP, day(6), DOWN)
    give(story, 7, but=[EA_SUP])
    assert len(look(story.at(8, 9)).stale) == 2
    assert standing(story) == {("source_down", "ho_so", EA_SUP), ("stale", "tien_trinh", EA_SUP)}


def test_a_dead_scheduler_is_one_problem_and_one_letter_to_the_province(story):
    assert look(story.at(8, 0, 1)).platform
    assert standing(story) == {("stale", "", "")}
    written = story.at(8, 7).tick()
    assert {a: said(letter) for a, letter in written.items()} == {PROVINCE: ("immediate", [("new", "stale", "", "")])}
    assert written[PROVINCE].told[0].source_name == "Toàn hệ thống"
    units = list(story.units)
    give(story, 7, but=units[10:])
    assert not look(story.at(8, 9)).platform, "it recovers, source by source"
    assert standing(story) == set()
    assert {a: letter.kind for a, letter in story.at(8, 9, 2).tick().items()} == {PROVINCE: "all_clear"}
    give(story, 7, but=[EA_SUP])
    look(story.at(8, 15, 1))
    assert standing(story) == {("stale", "ho_so", EA_SUP), ("stale", "tien_trinh", EA_SUP)}


def test_a_dataset_of_which_nothing_is_fresh_is_the_platforms_business(story):
    everybody = list(story.units)
    with story.warehouse.session() as session:
        for name, contract in story.contracts.items():
            if name != "tien_trinh":
                sources = everybody if contract.source.for_each else [contract.source.connection]
                fresh(session, name, sources, 7)
    seen = look(story.at(8, 8))
    assert (len(seen.stale), seen.platform) == (len(everybody), False)
    assert standing(story) == {("stale", "tien_trinh", "")}
    assert {a: said(letter) for a, letter in story.at(8, 8, 2).tick().items()} == {
        PROVINCE: ("immediate", [("new", "stale", "tien_trinh", "")])
    }
    give(story, 7, but=everybody[5:])
    look(story.at(8, 9))
    assert standing(story) == set(), "its sources come back one by one and are given time"
    give(story, 7)
    look(story.at(8, 15, 1))
    assert standing(story) == set()


def test_units_that_are_all_known_to_be_down_are_no_business_of_the_platform(story):
    for unit in story.units:
        story.source(unit, day(6), DOWN)
    give(story, 7, but=story.units)
    with story.warehouse.session() as session:
        fresh(session, "tien_trinh", story.units, 7)
    assert len(look(story.at(8, 9)).stale) == len(story.units)
    assert {kind for kind, _, _ in standing(story)} == {"source_down"}


def test_an_empty_warehouse_is_not_stale(province, contracts):
    seen = watch(province, contracts)
    assert (seen.looked, seen.stale, seen.platform) == (0, (), False)
