"""What endpoints must withstand to which sums are sent and no person: rows of their datasets stand for the dossiers."""

from __future__ import annotations

import pytest

from lienthong.connections import Connection
from lienthong.errors import ReceiverBusy, ReceiverRefused
from tests.endpoints.suite import SWIFT, EndpointSuite, _fields
from tests.endpoints.world import World


class AggregateWorld(World):
    """A subclass says which rows stand for dossiers and which for their steps."""

    main: str
    """Dataset whose rows stand for dossiers."""

    def row(self, number, trang_thai="4", ghi_chu="") -> dict:
        """The row that stands for a dossier in a state."""
        raise NotImplementedError

    def key(self, number) -> str:
        raise NotImplementedError

    def other(self, number, status) -> tuple[str, str, dict]:
        """Dataset, key and row that stand for a step."""
        raise NotImplementedError

    def dossiers(self, numbers, **columns) -> list[str]:
        rows = {self.key(number): self.row(number, **columns) for number in numbers}
        self._promote(self.main, rows)
        return list(rows)

    def steps(self, numbers, statuses=("2", "4", "9"), **_) -> list[str]:
        found = [self.other(number, status) for number in numbers for status in statuses]
        for dataset in {one[0] for one in found}:
            self._promote(dataset, {key: row for name, key, row in found if name == dataset})
        return [key for _, key, _ in found]

    def delete(self, numbers) -> None:
        keys = [self.key(number) for number in numbers]
        with self.session() as session:
            session.execute(
                f"UPDATE core.{self.main} SET _deleted_at = now(), _version = _version + 1 WHERE _record_key = ANY(%s)",
                [keys],
            )
        self._enqueue(self.main, keys)

    def _enqueue(self, dataset, rows) -> None:
        with self.session() as session:
            session.execute(
                f"UPDATE publish.outbox o SET state = 'superseded' FROM core.{dataset} c WHERE o.dataset = %s"
                " AND o.record_key = c._record_key AND o.version < c._version AND o.state = 'pending'",
                [dataset],
            )
            session.execute(
                "INSERT INTO publish.outbox (endpoint, dataset, record_key, version, order_key, run_id, deleted)"
                " SELECT %s, %s, _record_key, _version, _record_key, 1, _deleted_at IS NOT NULL"
                f" FROM core.{dataset} WHERE _record_key = ANY(%s)",
                [self.endpoint, dataset, list(rows)],
            )


class AggregateSuite(EndpointSuite):
    """The standard suite where a receiver cannot name a person, because it never heard of one."""

    def test_one_bad_record_of_a_batch_is_refused_alone(self, stage):
        codes = stage.world.dossiers(range(10))
        stage.misbehave("refuse", ma_ho_so=codes[3], message="Bản ghi {ma_ho_so}: giá trị sai")
        report = stage.publish()
        assert (report.accepted, report.refused, report.dead) == (9, 1, 1)
        (dead,) = stage.world.rows("SELECT record_key, reason FROM publish.outbox WHERE state = 'dead'")
        assert dead["record_key"] == codes[3]
        assert codes[3] in dead["reason"]
        assert "giá trị sai" in dead["reason"]
        stage.behave()
        stage.world.dossiers([3], trang_thai="9")
        assert stage.publish().accepted == 1


class KeySuite(AggregateSuite):
    """The same where the caller is known by a key in every request: there is no login and no session."""

    test_a_session_that_ends_in_mid_run_costs_nothing = None
    test_an_answer_inside_a_message_is_understood = None

    def test_a_wrong_password_sends_nothing(self, stage):
        stage.world.dossiers([1])
        stage.connection = Connection(**{**_fields(stage.connection), "password": "sai"})
        with pytest.raises(ReceiverRefused, match="credentials"):
            stage.publish()
        assert stage.accepted() == []
        stage.connection = Connection(**{**_fields(stage.connection), "password": stage.password})

    @pytest.mark.parametrize("service", ["*"])
    def test_a_receiver_that_is_down_opens_the_circuit_and_blames_no_record(self, stage, service):
        stage.world.dossiers(range(300))
        stage.misbehave("http_error", status=503, service=service)
        with pytest.raises(ReceiverBusy, match="in a row.*HTTP 503"):
            stage.publish()
        assert stage.requests() <= SWIFT.circuit_after
        assert set(stage.world.states()) == {"pending", "in_doubt"}
        assert stage.world.rows("SELECT max(attempts) AS n FROM publish.outbox")[0]["n"] == 0
