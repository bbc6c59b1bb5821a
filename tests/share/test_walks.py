"""Whoever walks every page holds what the warehouse holds, however much is promoted meanwhile."""

import random
import threading
import time

from lienthong.warehouse.migrations import migrate

from ..sql.builders import at, day, rows_of
from .world import CAP_PHEP, CONTRACTS, XA, row, run, version_of


def copy_of(service, token):
    """A whole reading, and every page of it in order."""
    pages = service.walk(token, "xa", "records", limit=7)
    return pages, {item["key"]: item["record"]["ten"] for page in pages for item in page["items"]}


def take(service, token, held, since):
    """Apply one walk over the changes since a version; gives the version that the copy then stands at."""
    pages = service.walk(token, "xa", "changes", since=since, limit=5)
    ends = {page["next_since"] for page in pages}
    assert len(ends) == 1, "a walk goes to one version"
    items = [item for page in pages for item in page["items"]]
    keys = [item["key"] for item in items]
    assert len(keys) == len(set(keys)), "nothing twice in one walk"
    order = [(item["change"], item["key"]) for item in items]
    assert order == sorted(order)
    assert all(since < item["change"] <= max(ends) for item in items)
    for item in items:
        if item["deleted"]:
            held.pop(item["key"], None)
        else:
            held[item["key"]] = item["record"]["ten"]
    return max(ends)


def test_a_copy_follows_while_promotes_go_on(service):
    """Twelve days of insertions, changes, deletions and returns, walked in small pages by a reader beside them."""
    chance = random.Random(9)
    names = [f"{number:03}" for number in range(60)]
    days = [[(name, f"tên {chance.randrange(3)}") for name in names if chance.random() < 0.7] for _ in range(12)]
    run(service.warehouse, XA, day(1), days[0])
    first = version_of(service.warehouse, "xa")
    token = service.token("xa")
    done = threading.Event()

    def promote():
        try:
            for number, rows in enumerate(days[1:], start=2):
                run(service.warehouse, XA, day(number), rows)
        finally:
            done.set()

    writer = threading.Thread(target=promote)
    writer.start()
    pages, held = copy_of(service, token)
    keys = [item["key"] for page in pages for item in page["items"]]
    assert keys == sorted(set(keys)), "each key once, in order"
    since = pages[0]["since"]
    assert {page["since"] for page in pages} == {since}
    rounds = 0
    while not done.is_set():
        since = take(service, token, held, since)
        rounds += 1
    writer.join()
    since = take(service, token, held, since)
    assert rounds > 1, "the reader walked beside the promotes"
    assert since == first + 11
    assert held == dict(days[-1])
    assert take(service, token, held, since) == since


def test_what_changes_again_during_a_walk_is_in_the_next_one(service):
    token = service.token("xa")
    run(service.warehouse, XA, day(1), [("1", "a"), ("2", "a"), ("3", "a")])
    since = version_of(service.warehouse, "xa")
    first = service.get(token, "/v1/datasets/xa/changes", since=0, limit=1).json()
    run(service.warehouse, XA, day(2), [("1", "b"), ("2", "b"), ("3", "a")])
    rest = service.get(token, "/v1/datasets/xa/changes", since=0, limit=9, after=first["next"]).json()
    assert [item["key"] for item in first["items"] + rest["items"]] == ["1", "3"]
    assert (rest["next"], rest["next_since"], rest["version"]) == (None, since, since + 1)
    again = service.get(token, "/v1/datasets/xa/changes", since=rest["next_since"]).json()
    assert [(item["key"], item["record"]["ten"]) for item in again["items"]] == [("1", "b"), ("2", "b")]


def test_the_last_page_is_known_to_be_the_last(service):
    token = service.token("xa")
    run(service.warehouse, XA, day(1), [(str(number), "a") for number in range(6)])
    since = version_of(service.warehouse, "xa")
    assert [len(page["items"]) for page in service.walk(token, "xa", "records", limit=3)] == [3, 3]
    assert [len(page["items"]) for page in service.walk(token, "xa", "records", limit=4)] == [4, 2]
    assert [len(page["items"]) for page in service.walk(token, "xa", "changes", since=since)] == [0]


def test_a_copy_of_before_a_rebuild_is_told_to_read_everything_again(service):
    """However much was promoted after it: neither its version nor its ETags mean anything any more."""
    token, path = service.token("xa"), "/v1/datasets/xa/records"
    run(service.warehouse, XA, day(1), [("1", "a"), ("2", "a")])
    copy = service.get(token, path)
    since = copy.json()["since"]
    with service.warehouse.session() as session:
        session.execute("TRUNCATE core.xa, ops.dataset_versions")
    time.sleep(1.1)  # nobody rebuilds within a second
    run(service.warehouse, XA, day(2), [("1", "b"), ("2", "b")])
    run(service.warehouse, XA, day(3), [("1", "b"), ("2", "c")])
    told = service.get(token, "/v1/datasets/xa/changes", since=since)
    assert (told.status_code, told.json()["type"]) == (409, "urn:lienthong:share:rebuilt")
    assert service.get(token, path, {"If-None-Match": copy.headers["ETag"]}).status_code == 200
    assert service.get(token, "/v1/datasets/xa/changes", since=0).status_code == 200


def test_the_same_number_at_another_moment_is_another_answer(service):
    """A warehouse that was put back to a backup reaches its numbers again, with other content."""
    token, path = service.token("xa"), "/v1/datasets/xa/records"
    run(service.warehouse, XA, day(1), [("1", "a")])
    tag = service.get(token, path).headers["ETag"]
    with service.warehouse.session() as session:
        session.execute("UPDATE ops.dataset_versions SET changed_at = changed_at + interval '1 second'")
    assert service.get(token, path, {"If-None-Match": tag}).status_code == 200


def test_tables_of_before_get_their_first_version(wh):
    """A warehouse that was filled before versions were counted: what it holds is the first version."""
    run(wh, CAP_PHEP, day(1), [row("A", at(1))])
    with wh.session() as session:
        for dataset in CONTRACTS:
            session.execute(f"ALTER TABLE core.{dataset} DROP COLUMN _change")
        session.execute("DELETE FROM ops.dataset_versions")
    assert set(migrate(wh, CONTRACTS.values())) == {f"core.{dataset}._change" for dataset in CONTRACTS}
    [(dataset, version, first)] = rows_of(wh, "SELECT dataset, version, first_version FROM ops.dataset_versions")
    assert (dataset, version) == ("cap_phep", first)
    assert abs(first - time.time()) < 60
    assert rows_of(wh, "SELECT _change FROM core.cap_phep") == [(first,)]
    run(wh, CAP_PHEP, day(2), [row("A", at(2), so_luong="9"), row("B", at(2))])
    assert rows_of(wh, "SELECT ma, _change FROM core.cap_phep ORDER BY 1") == [("A", first + 1), ("B", first + 1)]
    assert rows_of(wh, "SELECT count(*) FROM pg_indexes WHERE indexdef LIKE '%%(_change, _record_key)%%'") == [(4,)]
    assert migrate(wh, CONTRACTS.values()) == []
