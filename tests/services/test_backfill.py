"""Through a real Airflow: a backfill is whole after everything was killed, and what was cancelled can be run again."""

import json
import time

import psutil
import pytest

from ..journey.conftest import Installation, wait_for

pytestmark = pytest.mark.services
FIRST, LAST = "2025-07-01", "2025-07-04"
# A step waits for good when its dossier is set aside.
MAY_LEAVE = """
    SELECT FROM publish.outbox o
    WHERE o.endpoint = 'national_portal' AND o.state IN ('pending', 'claimed', 'in_doubt')
      AND (o.dataset = 'ho_so' OR EXISTS (
          SELECT FROM publish.receipts r
          WHERE r.endpoint = o.endpoint AND r.dataset = 'ho_so' AND r.record_key = o.order_key
            AND r.outcome = 'accepted'
      ))
    LIMIT 1"""


@pytest.fixture
def installation(tmp_path):
    """A small province whose days are made, with every service running."""
    found = Installation(tmp_path / "var", LIENTHONG_SANDBOX_VOLUME="0.03")
    try:
        _up(found)
        made = found.command("province", "--from", "2025-07-01", "--to", "2025-07-06")
        assert made.returncode == 0, made.stderr
        yield found
    finally:
        found.command("down")


def _up(found):
    done = found.command("up", "--detach")
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]


def _backfill(found, *words):
    done = found.command("backfill", *words)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _newest(found):
    return json.loads(_backfill(found, "list", "--all", "--json"))[0]


def _kill_everything(found):
    """As when the machine loses its power: every process of the installation at once."""
    doomed = found.living()
    assert len(doomed) > 5
    for process in doomed:
        process.kill()
    psutil.wait_procs(doomed, timeout=20)


def test_killed_in_the_middle_and_cancelled_it_ends_whole(installation):
    found = installation
    told = _backfill(found, "ho_so", "tien_trinh", "--from", FIRST, "--to", LAST, "--by", "người trực")
    assert "don_vi" in told, "the lists that the days refer to come along"
    wait_for(lambda: _newest(found)["promoted"] >= 4, 180, "two days of the backfill")
    _kill_everything(found)
    _up(found)
    wait_for(lambda: _newest(found)["state"] == "done", 240, "the backfill after the restart")
    assert _newest(found)["failed"] == []

    days = found.rows(
        "SELECT dataset, (window_start AT TIME ZONE 'Asia/Ho_Chi_Minh')::date::text, count(*) FROM ops.runs"
        " WHERE dataset IN ('ho_so', 'tien_trinh') AND kind = 'read' AND state = 'promoted' GROUP BY 1, 2 ORDER BY 1, 2"
    )
    wanted = ["2025-07-01", "2025-07-02", "2025-07-03", "2025-07-04"]
    assert [(name, day) for name, day, _ in days] == [(n, d) for n in ("ho_so", "tien_trinh") for d in wanted]
    owners = found.rows("SELECT DISTINCT backfill_id FROM ops.runs WHERE dataset IN ('ho_so', 'tien_trinh')")
    assert owners == [(_newest(found)["backfill"],)], "each run knows whose it is, through Airflow and the restart"

    _cancelled_and_run_again(found)
    _every_record_has_its_receipt(found)


def _cancelled_and_run_again(found):
    _backfill(found, "ho_so", "tien_trinh", "--from", FIRST, "--to", "2025-07-06", "--reprocess")
    number = str(_newest(found)["backfill"])
    wait_for(lambda: _newest(found)["promoted"] >= 2, 180, "a day of the second backfill")
    _backfill(found, "cancel", number)
    wait_for(lambda: _newest(found)["ended_at"], 180, "the end of the cancelled backfill")
    time.sleep(5)
    assert _newest(found)["state"] == "cancelled"
    assert _newest(found)["promoted"] < _newest(found)["windows"]
    stranded = found.rows(
        "SELECT dag_id, run_id, state FROM dag_run WHERE run_type = 'backfill' AND (state IN ('queued', 'running')"
        " OR start_date IS NULL)", database="airflow"
    )  # fmt: skip
    assert stranded == []
    _backfill(found, "ho_so", "tien_trinh", "--from", FIRST, "--to", "2025-07-06")
    wait_for(lambda: _newest(found)["state"] == "done", 240, "the days that the cancelled one left")


def _every_record_has_its_receipt(found):
    """Judged by the portal's own log, as soon as nothing is left that may leave."""
    wait_for(lambda: not found.rows(MAY_LEAVE), 240, "the last receipt")
    receipts = found.rows(
        "SELECT count(*) FROM publish.receipts WHERE endpoint = 'national_portal' AND outcome = 'accepted'"
    )[0][0]
    effects = [one for one in found.portal().effects() if one.effect]
    assert receipts == len(effects) > 100
    held = {one.ma_ho_so for one in found.portal().dossiers()}
    assert held == {key for (key,) in found.rows("SELECT ma_ho_so FROM core.ho_so WHERE _deleted_at IS NULL")}
