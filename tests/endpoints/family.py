"""What an endpoint must withstand whose records have children: parents first, and nothing overtakes."""

from __future__ import annotations

import threading

from tests.endpoints.suite import EndpointSuite


class FamilySuite(EndpointSuite):
    """Dossiers are the parents, steps their children."""

    def test_parents_come_first(self, stage):
        stage.world.steps(range(12))
        stage.world.dossiers(range(12))
        stage.publish()
        seen: set[str] = set()
        for one in stage.accepted():
            parent = one.key.split("|")[0]
            assert one.kind == "create" or parent in seen
            seen.add(parent)

    def test_children_arrive_in_the_order_of_time(self, stage):
        stage.world.dossiers(range(4))
        stage.world.steps(range(4), statuses=[*"245424542454", "9", "10"])
        # Portions that cut through the middle of a parent's children, several requests at once.
        stage.publish(in_flight=4, steps_per_request=2)
        keys = [one.key for one in stage.accepted() if one.kind == "step"]
        assert len(keys) == 4 * 14
        for number in range(4):
            own = [key for key in keys if f"-{number:04d}|" in key]
            assert own == sorted(own)

    def test_a_child_waits_for_its_parent(self, stage):
        stage.world.steps([1])
        report = stage.publish()
        assert (report.sent, report.held, report.pending) == (0, 3, 0)
        stage.world.dossiers([1])
        assert stage.publish().accepted == 4

    def test_an_earlier_child_that_waits_holds_the_later_ones(self, stage):
        stage.world.dossiers([1, 2])
        first = stage.world.steps([1, 2])[0]
        stage.world.postpone(first)
        report = stage.publish()
        assert (report.accepted, report.pending) == (5, 3)

    def test_nothing_of_a_parent_in_doubt_is_overtaken_by_its_children(self, stage):
        (key,) = stage.world.dossiers([1])
        stage.publish()
        stage.world.dossiers([1], trang_thai="9")
        stage.world.postpone(key, state="in_doubt")
        stage.world.steps([1])
        assert stage.publish().sent == 0

    def test_a_refused_child_does_not_hold_the_later_ones(self, stage):
        stage.world.dossiers([1, 2])
        stage.world.steps([1, 2], statuses=["2"])
        stage.publish()
        stage.misbehave("refuse", ma_ho_so=stage.world.steps([1], statuses=["1", "4"])[0].split("|")[0], times=1)
        stage.world.steps([2], statuses=["1", "4"])
        stage.publish(steps_per_request=1)
        stage.behave()
        stage.settle()
        assert stage.world.states("tien_trinh") == {"done": 5, "dead": 1}

    def test_a_promote_under_way_is_not_waited_for_and_nothing_overtakes_it(self, stage):
        stage.world.dossiers([1, 2])
        stage.publish()
        first = stage.world.steps([1, 2])[0]
        with stage.world.session() as promote:
            promote.execute("UPDATE publish.outbox SET state = 'superseded' WHERE record_key = %s", [first])
            # Without the rollback a sender that waits would wait for ever.
            rescue = threading.Timer(10, promote.rollback)
            rescue.start()
            report = stage.publish()
            rescue.cancel()
            promote.rollback()
        assert (report.accepted, report.pending) == (3, 3)
