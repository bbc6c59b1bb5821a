"""A quarter backfilled through a real Airflow, straight and broken off on the way: both must end in the same state.

Every day of the quarter waits in the sandbox's sources, and 1 October too, which nobody asks for. The first pass runs
through. In the second one every process is killed at a third of the windows, and at two thirds the backfill is
cancelled and asked for again. Both are judged by what the portal holds and by its own log, not by our tables alone;
then the operators' pages are measured on what is left.

    python -m benchmarks.backfill [--from 2025-07-01] [--to 2025-09-30] [--volume 1.0] [--only straight|broken]

The report stands beside the others, as ``backfill-<day>.json``.
"""

import argparse
import hashlib
import json
import os
import platform
import tempfile
import time
from contextlib import nullcontext
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import psutil
from tests.journey.conftest import Installation

from benchmarks.operating import operating
from lienthong.sandbox.province import QUARTER
from lienthong.services.postgres import briefly
from lienthong.settings import ROOT
from lienthong.warehouse import Warehouse

REPORTS = Path(__file__).parent / "reports"
DATASETS = ("ho_so", "tien_trinh")
# A step waits for good when its dossier is set aside; everything else that is not accepted may still leave.
MAY_LEAVE = """
    SELECT count(*) FROM publish.outbox o
    WHERE o.endpoint = 'national_portal' AND o.state IN ('pending', 'claimed', 'in_doubt')
      AND (o.dataset = 'ho_so' OR EXISTS (
          SELECT FROM publish.receipts r
          WHERE r.endpoint = o.endpoint AND r.dataset = 'ho_so' AND r.record_key = o.order_key
            AND r.outcome = 'accepted'
      ))"""
DAYS = """
    SELECT dataset, (window_start AT TIME ZONE 'Asia/Ho_Chi_Minh')::date FROM ops.runs
    WHERE dataset IN ('ho_so', 'tien_trinh') AND kind = 'read' AND state = 'promoted' GROUP BY 1, 2"""
CORE = "SELECT count(*), md5(string_agg(_record_key || _row_hash::text, ',' ORDER BY _record_key)) FROM core.{}"
HELD = """
    SELECT count(*), md5(string_agg(concat_ws('|', dataset, source, record_key, place, rules::text), ','
        ORDER BY dataset, source, record_key, place)) FROM quarantine.rows WHERE state = 'open'"""
PATIENCE = 3600.0


class Pass:
    """One backfill of the days on an installation of its own."""

    def __init__(self, var: Path, first: date, last: date, volume: float) -> None:
        self.first, self.last = first, last
        self.found = Installation(var, LIENTHONG_SANDBOX_VOLUME=str(volume))
        self.told: dict = {}

    def run(self, broken: bool) -> dict:
        """The report of the pass, whose last part is the state in which it ended."""
        try:
            self._command("up", "--detach")
            began = time.monotonic()
            self._command("province", "--from", str(self.first), "--to", str(self.last + timedelta(days=1)))
            self.told["make_sources_seconds"] = round(time.monotonic() - began)
            self._backfill(broken)
            self.told["state"] = self._state()
            self._pages()
            return self.told
        finally:
            self.found.command("down")

    def _pages(self) -> None:
        """Every dataset gets its last day, so that the pages have all that a province has; then Airflow is gone."""
        self._command("run", "--day", str(self.last))
        self._command("down")
        with briefly(self.found.folders) as server:
            self.told["pages"] = operating(Warehouse(server.connection("warehouse"), ROOT))

    def _backfill(self, broken: bool) -> None:
        began, idle = time.monotonic(), psutil.cpu_times()
        self._ask()
        whole = self._newest()["windows"]
        if broken:
            self._until(lambda now: now["promoted"] >= whole // 3, "a third of the windows")
            self.told["killed"] = self._kill()
            assert self.told["killed"] > 5, "everything is killed in the middle"
            self._command("up", "--detach")
            self._until(lambda now: now["promoted"] >= 2 * whole // 3, "two thirds of the windows")
            self._command("backfill", "cancel", str(self._newest()["backfill"]))
            self._until(lambda now: now["ended_at"], "the end of what was cancelled")
            self.told["promoted_when_cancelled"] = self._newest()["promoted"]
            assert self.told["promoted_when_cancelled"] < whole, "it is cancelled in the middle"
            self._ask()
        self._until(lambda now: now["state"] == "done", "the backfill")
        ended = time.monotonic()
        self._leave()
        spent = psutil.cpu_times()
        self.told |= {
            "windows": whole,
            "failed": self._newest()["failed"],
            "ingest_seconds": round(ended - began),
            "with_receipts_seconds": round(time.monotonic() - began),
            "cpu_seconds_of_the_machine": round(spent.user + spent.system - idle.user - idle.system),
        }

    def _ask(self) -> None:
        self._command("backfill", *DATASETS, "--from", str(self.first), "--to", str(self.last), "--by", "đo")

    def _command(self, *words: str) -> str:
        done = self.found.command(*words, timeout=900)
        assert done.returncode == 0, (words, (done.stdout + done.stderr)[-3000:])
        return done.stdout

    def _newest(self) -> dict:
        return json.loads(self._command("backfill", "list", "--all", "--json"))[0]

    def _until(self, holds, what: str) -> None:
        began, shown = time.monotonic(), 0.0
        while not holds(now := self._newest()):
            passed = time.monotonic() - began
            assert passed < PATIENCE, f"{what} did not come: {now}"
            if passed > shown:
                print(f"{time.strftime('%H:%M:%S')} {now['promoted']}/{now['windows']}", flush=True)
                shown = passed + 60
            time.sleep(10)

    def _leave(self) -> None:
        began = time.monotonic()
        while (left := self.found.rows(MAY_LEAVE)[0][0]) and time.monotonic() - began < PATIENCE:
            time.sleep(2)
        assert not left, f"{left} records have no receipt"

    def _kill(self) -> int:
        """As when the machine loses its power; gives how many processes that were."""
        doomed = self.found.living()
        for process in doomed:
            process.kill()
        psutil.wait_procs(doomed, timeout=30)
        return len(doomed)

    def _state(self) -> dict:
        """What is left, in digests; raises for a day, a record or a receipt too many or too few."""
        days = {name: {day for dataset, day in self.found.rows(DAYS) if dataset == name} for name in DATASETS}
        wanted = {self.first + timedelta(days=n) for n in range((self.last - self.first).days + 1)}
        assert all(got == wanted for got in days.values()), days
        portal = self.found.portal()
        effects = sum(one.effect for one in portal.effects())
        receipts = self.found.rows(
            "SELECT count(*) FROM publish.receipts WHERE endpoint = 'national_portal' AND outcome = 'accepted'"
        )[0][0]
        assert receipts == effects, (receipts, effects)
        held = {one.ma_ho_so: one.sha256 for one in portal.dossiers()}
        core = {key for (key,) in self.found.rows("SELECT ma_ho_so FROM core.ho_so WHERE _deleted_at IS NULL")}
        assert set(held) == core, (len(held), len(core))
        return {
            "first_day": str(min(days["ho_so"])),
            "last_day": str(max(days["ho_so"])),
            "days": {name: len(found) for name, found in days.items()},
            "records_accepted": receipts,
            "core": {name: self.found.rows(CORE.format(name))[0] for name in DATASETS},
            "quarantine": self.found.rows(HELD)[0],
            "portal_dossiers": (len(held), _digest(held.items())),
            "portal_steps": _counted(f"{one.ma_ho_so}|{one.sha256}" for one in portal.steps()),
        }


def _counted(lines) -> tuple[int, str]:
    found = sorted(lines)
    return len(found), _digest(found)


def _digest(things) -> str:
    return hashlib.sha256("\n".join(map(str, things)).encode()).hexdigest()[:16]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.backfill", description=__doc__)
    parser.add_argument("--from", dest="first", type=date.fromisoformat, default=QUARTER[0])
    parser.add_argument("--to", dest="last", type=date.fromisoformat, default=QUARTER[1])
    parser.add_argument("--volume", type=float, default=1.0, help="share of the sandbox's dossiers")
    parser.add_argument("--only", choices=("straight", "broken"))
    parser.add_argument("--var", help="an empty folder for what is written, which stays; a passing one when left out")
    asked = parser.parse_args()
    found = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {"cores": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()},
        "load_before": round(os.getloadavg()[0], 2),
        "volume": asked.volume,
    }
    for name in ("straight", "broken"):
        if asked.only in (None, name):
            with nullcontext(asked.var) if asked.var else tempfile.TemporaryDirectory() as folder:
                var = Path(folder) / name / "var"
                found[name] = Pass(var, asked.first, asked.last, asked.volume).run(name == "broken")
            print(json.dumps(found[name], indent=2, default=str, ensure_ascii=False), flush=True)
    if not asked.only:
        found["same_end"] = found["straight"]["state"] == found["broken"]["state"]
    path = REPORTS / f"backfill-{found['at'][:10]}.json"
    path.write_text(json.dumps(found, indent=2, default=str, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"Report: {path.relative_to(REPORTS.parent.parent)}")
    assert found.get("same_end", True), "the broken pass ended in another state"


if __name__ == "__main__":
    main()
