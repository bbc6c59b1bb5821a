"""The pieces of the sender that need no database: the chain of receipts, the circuit, the threads."""

import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lienthong.endpoints import Delivery, Item, Outcome
from lienthong.publishing import GENESIS, Receipt, first_break
from lienthong.publishing.circuit import Circuit, backoff
from lienthong.publishing.workers import Job, Workers


def chain(length):
    receipts, previous = [], GENESIS
    for place in range(1, length + 1):
        receipt = Receipt(
            endpoint="national_portal", place=place, dataset="ho_so", record_key=f"H15.102-250930-{place:04d}",
            version=1, outcome="accepted", code="0", message="Đồng bộ thành công", request_id=f"r{place}",
            body_sha256="ab" * 32, answered_at=datetime(2025, 9, 30, 1, 2, 3, place, UTC), previous=previous,
        ).sealed()  # fmt: skip
        receipts.append(receipt)
        previous = receipt.hash
    return receipts


class TestChain:
    def test_an_untouched_chain_holds_from_any_place(self):
        receipts = chain(6)
        assert first_break(receipts) is None
        assert first_break(receipts[3:], place=3, previous=receipts[2].hash) is None
        assert first_break([]) is None

    @given(
        st.integers(0, 5), st.sampled_from(["message", "code", "outcome", "record_key", "body_sha256", "request_id"])
    )
    def test_a_changed_receipt_is_named(self, place, name):
        receipts = chain(6)
        receipts[place] = replace(receipts[place], **{name: "khác"})
        assert first_break(receipts) == place + 1

    def test_a_changed_receipt_with_a_new_hash_breaks_the_next_link(self):
        receipts = chain(6)
        receipts[2] = replace(receipts[2], code="9").sealed()
        assert first_break(receipts) == 4

    def test_a_gap_a_swap_and_a_repetition_are_found(self):
        receipts = chain(6)
        assert first_break(receipts[:2] + receipts[3:]) == 3
        assert first_break([*receipts[:2], receipts[3], receipts[2], *receipts[4:]]) == 3
        assert first_break([*receipts[:3], receipts[2], *receipts[3:]]) == 4
        assert first_break(receipts[1:]) == 1

    def test_the_zone_in_which_a_time_is_read_changes_nothing(self):
        (receipt,) = chain(1)
        local = receipt.answered_at.astimezone(timezone(timedelta(hours=7)))
        assert first_break([replace(receipt, answered_at=local)]) is None

    def test_the_hash_can_be_computed_by_hand(self):
        import hashlib

        (receipt,) = chain(1)
        text = (
            '{"answered_at":"2025-09-30T01:02:03.000001+00:00","body_sha256":"' + "ab" * 32 + '","code":"0",'
            '"dataset":"ho_so","endpoint":"national_portal","message":"Đồng bộ thành công","outcome":"accepted",'
            '"place":1,"record_key":"H15.102-250930-0001","request_id":"r1","version":1}'
        )
        assert receipt.hash == hashlib.sha256(("0" * 64 + text).encode()).hexdigest()


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


class TestCircuit:
    def test_it_opens_after_failures_in_a_row_only(self):
        clock = Clock()
        circuit = Circuit(threshold=3, patience=30, first=0.1, clock=clock)

        def fail():
            circuit.failed(None)
            clock.now += circuit.pause

        for _ in range(5):
            fail()
            fail()
            assert not circuit.open
            circuit.succeeded()
        for _ in range(3):
            fail()
        assert circuit.open

    def test_requests_that_fail_together_count_as_one_failure(self):
        circuit = Circuit(threshold=2, patience=30, first=0.1, clock=Clock())
        for _ in range(8):
            circuit.failed(5.0)
        assert (circuit.failures, circuit.open) == (1, False)

    def test_an_announced_pause_is_kept_even_after_a_success(self):
        clock = Clock()
        circuit = Circuit(threshold=3, patience=30, first=0.1, clock=clock)
        circuit.failed(20.0)
        circuit.succeeded()
        assert circuit.pause == pytest.approx(20)
        clock.now += 21
        assert circuit.pause == 0

    def test_a_pause_beyond_patience_opens_it_at_once(self):
        circuit = Circuit(threshold=3, patience=30, first=0.1, clock=Clock())
        circuit.failed(31.0)
        assert circuit.open

    @given(st.integers(0, 2000), st.floats(0.01, 100), st.floats(0.01, 10_000))
    def test_backoff_stays_within_bounds(self, tries, first, longest):
        assert 0 <= backoff(tries, first, longest) <= min(longest, first * 2**40)


def item(key="a"):
    return Item("ho_so", key, 1, key, "{}")


class TestWorkers:
    def test_jobs_run_side_by_side_and_stay_busy_until_taken(self):
        together = threading.Barrier(3, timeout=5)

        def work(job):
            together.wait()
            delivery = Delivery()
            delivery.settle(job.items, Outcome.ACCEPTED)
            return delivery

        workers = Workers(3, work)
        jobs = [Job((item(str(n)),), doubtful=False) for n in range(3)]
        for job in jobs:
            workers.submit(job)
        taken = [workers.next_finished(5) for _ in jobs]
        assert set(taken) == set(jobs) == workers.busy
        assert all(job.delivery and job.delivery.verdicts[0].item in job.items for job in taken)
        workers.stop()

    def test_a_fault_of_ours_is_handed_over(self):
        def work(_):
            raise KeyError("x")

        workers = Workers(1, work)
        workers.submit(Job((item(),), doubtful=False))
        job = workers.next_finished(5)
        assert isinstance(job.error, KeyError)
        assert job.finished
        workers.stop()

    def test_what_nobody_began_is_recalled(self):
        gate = threading.Event()

        def work(_):
            gate.wait(5)
            return Delivery()

        workers = Workers(1, work)
        jobs = [Job((item(str(n)),), doubtful=False) for n in range(4)]
        for job in jobs:
            workers.submit(job)
        time.sleep(0.05)
        assert workers.recall() == jobs[1:]
        assert workers.busy == {jobs[0]}
        workers.await_busy(0.05)
        assert not jobs[0].finished
        gate.set()
        workers.await_busy(None)
        assert jobs[0].finished
        workers.stop()


def test_no_body_shows_in_the_repr_of_an_item():
    secret = Item("ho_so", "k", 1, "k", '{"ChuHoSo":"Nguyễn Thị Hồng"}')
    assert "Nguyễn" not in repr(secret)
    assert "Nguyễn" not in repr(Job((secret,), doubtful=False))
