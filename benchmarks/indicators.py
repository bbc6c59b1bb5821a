"""The sandbox's quarter in the marts of indicators: its figures beside the published ones, and what a refresh costs.

The rows of the generator go straight into ``core``, by COPY: what is measured is the refresh, not the way there.

    python -m benchmarks.indicators
"""

import csv
import json
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from lienthong.contracts import load_all
from lienthong.indicators import reading
from lienthong.indicators.refresh import forget, refresh
from lienthong.sandbox import procedures
from lienthong.sandbox.calendar_vn import DAY, WorkingTime, day_number
from lienthong.sandbox.dossiers import Arrivals, Dossiers, Habits
from lienthong.sandbox.province import QUARTER, SEED
from lienthong.sandbox.rows import Writer
from lienthong.sandbox.units import units
from lienthong.services.folders import Folders
from lienthong.services.postgres import briefly
from lienthong.settings import ROOT
from lienthong.warehouse import Warehouse
from lienthong.warehouse.migrations import migrate

AGENCY = "H15"
COUNTED = date(2025, 9, 2)  # the last day of the published counts
MACHINERY = ("_record_key", "_source", "_source_time", "_row_hash", "_version", "_run_id", "_change")
PUBLISHED = {  # statistics.md, section 2: 1 July to 2 September 2025
    "H15-SO": {"received": 93_826, "resolved": 73_544, "on_time": 72_591},
    "H15-XA": {"received": 162_532, "resolved": 147_388, "on_time": 145_898},
    "H15": {"received": 256_358, "resolved": 220_932, "on_time": 218_489},
}


class Quarter:
    """The clean dossiers of the quarter, and their rows as they stand at the end of any day."""

    def __init__(self, habits=None, upto=QUARTER[1]):
        known, calendar = procedures.load(None), WorkingTime()
        self.arrivals = Arrivals(SEED, known, units(), calendar, habits or Habits())
        self.writer = Writer(known, units())
        self.procedures = known
        first = QUARTER[0]
        days = [first + timedelta(n) for n in range((upto - first).days + 1)]
        self.dossiers = Dossiers.together([self.arrivals.on(day) for day in days])

    def load(self, session, first, last, change):
        """Put what changed from ``first`` to ``last`` into core, as it stands at the end of ``last``."""
        d, start, limit = self.dossiers, day_number(first) * DAY, (day_number(last) + 1) * DAY
        moves = (d.times >= start) & (d.times < limit)
        chosen = np.flatnonzero(moves.any(axis=1))
        picked = d.take(chosen)
        changed = np.where(moves[chosen], d.times[chosen], 0).max(axis=1)
        headers = self.writer.headers(picked, limit, changed)
        codes = headers["ma_ho_so"].tolist()
        put(session, "ho_so", headers, codes, codes, headers["cap_nhat_luc"], change)
        dossier, place = np.nonzero(moves)
        steps = self.writer.steps(d.take(dossier), place)
        keys = [f"{a}|{b}|{c}" for a, b, c in zip(
            steps["ma_ho_so"], steps["thoi_diem_xu_ly"], steps["trang_thai"], strict=True)]  # fmt: skip
        put(session, "tien_trinh", steps, keys, steps["ma_ho_so"].tolist(), steps["cap_nhat_luc"], change)
        days = [first + timedelta(n) for n in range((last - first).days + 1)]
        note(session, days, change)
        return len(codes), len(keys)


def put(session, table, columns, keys, codes, times, change):
    """Rows into core by COPY and a merge on the key, as a promote leaves them."""
    names = [*columns, *MACHINERY]
    session.execute(f"CREATE TEMPORARY TABLE incoming (LIKE core.{table} INCLUDING DEFAULTS)")
    with session.cursor().copy(f"COPY incoming ({', '.join(names)}) FROM STDIN") as copy:
        for at, row in enumerate(zip(*columns.values(), strict=True)):
            source = codes[at].split("-")[0]
            copy.write_row((*row, keys[at], source, times[at], "00000000-0000-0000-0000-000000000000", 1, 1, change))
    sets = ", ".join(f"{name} = excluded.{name}" for name in names)
    session.execute(f"INSERT INTO core.{table} SELECT * FROM incoming ON CONFLICT (_record_key) DO UPDATE SET {sets}")
    session.execute("DROP TABLE incoming")


def note(session, days, change):
    """The runs and versions that promotes of these days would have left."""
    for dataset in ("ho_so", "tien_trinh"):
        session.execute(
            "INSERT INTO ops.dataset_versions (dataset, version, first_version) VALUES (%s, %s, 1)"
            " ON CONFLICT (dataset) DO UPDATE SET version = excluded.version",
            [dataset, change],
        )
        for day in days:
            session.execute(
                "INSERT INTO ops.runs (dataset, window_start, window_end, state, extracted, inserted, updated,"
                " unchanged, superseded, quarantined) VALUES (%s, %s::date::timestamptz,"
                " (%s::date + 1)::timestamptz, 'promoted', 0, 0, 0, 0, 0, 0)",
                [dataset, day, day],
            )


def catalogues(session, known):
    """The units and procedures that the dossiers name."""
    with (ROOT / "include/lienthong/reference/don_vi.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    columns = {name: np.array([row[name] or None for row in rows], object) for name in rows[0]}
    keys = columns["ma_don_vi"].tolist()
    put(session, "don_vi", columns, keys, keys, ["2025-07-01"] * len(keys), 1)
    names = {0: "Ngày làm việc", 1: "Ngày", 2: "Giờ làm việc"}
    columns = {
        "ma_tthc": known.codes, "ten_tthc": known.names, "ma_linh_vuc": np.array(known.fields, object),
        "ten_linh_vuc": np.array(known.fields, object), "cap_thuc_hien": np.full(len(known.codes), "1", object),
        "thoi_gian_giai_quyet": known.amount[:, 0, 0].astype(object),
        "don_vi_tinh": np.array([names[int(n)] for n in known.unit[:, 0, 0]], object),
        "co_phi": np.full(len(known.codes), "1", object), "trang_thai": np.full(len(known.codes), "1", object),
        "ma_ket_qua": known.results,
    }  # fmt: skip
    keys = known.codes.tolist()
    put(session, "thu_tuc", columns, keys, keys, ["2025-07-01"] * len(keys), 1)
    for dataset in ("don_vi", "thu_tuc"):
        session.execute(
            "INSERT INTO ops.dataset_versions (dataset, version, first_version) VALUES (%s, 1, 1)", [dataset]
        )


def points(session):
    """A service point of every unit, as they were reported in June."""
    codes = [row["ma_don_vi"] for row in session.execute("SELECT ma_don_vi FROM core.don_vi ORDER BY 1")]
    counted = ("so_quay", "so_can_bo", "so_may_tinh", "so_may_quet")
    columns = {
        "ma_don_vi": np.array(codes, object), **{name: np.full(len(codes), "4", object) for name in counted},
        "mang_chuyen_dung": np.full(len(codes), "1", object), "bang_thong_mbps": np.full(len(codes), "100", object),
        "cap_nhat_luc": np.full(len(codes), "2025-06-15 08:00:00", object),
    }  # fmt: skip
    put(session, "diem_phuc_vu", columns, codes, codes, ["2025-07-01"] * len(codes), 1)
    session.execute("INSERT INTO ops.dataset_versions (dataset, version, first_version) VALUES ('diem_phuc_vu', 1, 1)")


def service_point(warehouse, change):
    """One unit has more computers since the middle of August, and the version before is kept."""
    with warehouse.session() as session:
        names = [row["column_name"] for row in session.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_schema = 'history'"
            " AND table_name = 'diem_phuc_vu'")]  # fmt: skip
        session.execute(f"INSERT INTO history.diem_phuc_vu ({', '.join(names)}) SELECT {', '.join(names)}"
            " FROM core.diem_phuc_vu WHERE ma_don_vi = 'H15.102'")  # fmt: skip
        session.execute(
            "UPDATE core.diem_phuc_vu SET so_may_tinh = 9, cap_nhat_luc = '2025-08-15 08:00', _version = _version + 1,"
            " _change = %s WHERE ma_don_vi = 'H15.102'", [change],
        )  # fmt: skip
        session.execute("UPDATE ops.dataset_versions SET version = %s WHERE dataset = 'diem_phuc_vu'", [change])


def renamed(warehouse, change):
    """One unit is called otherwise."""
    with warehouse.session() as session:
        session.execute(
            "UPDATE core.don_vi SET ten_don_vi = 'Xã Tên Mới', _change = %s WHERE ma_don_vi = 'H15.131'", [change]
        )
        session.execute("UPDATE ops.dataset_versions SET version = %s WHERE dataset = 'don_vi'", [change])


def measure(warehouse):
    """The figures of the quarter at 2 September and at its end, and the seconds of refreshes on the way."""
    first, last = QUARTER
    seconds, changes = {}, {}
    quarter = Quarter()
    with warehouse.session() as session:
        catalogues(session, quarter.procedures)
        points(session)
    change = 0

    def load(begin, end, name=""):
        nonlocal change
        change += 1
        with warehouse.session() as session:
            quarter.load(session, begin, end, change)
        analyze(warehouse)
        done = timed(seconds, name, lambda: refresh(warehouse, AGENCY))
        if name:
            changes[name] = {"dossiers": done.changed, "indicators": done.written}

    day = timedelta(days=1)
    load(first, date(2025, 7, 29))
    load(date(2025, 7, 30), date(2025, 7, 30), "a_day_after_29_days")
    load(date(2025, 7, 31), COUNTED)
    counted = figures(warehouse)
    load(COUNTED + day, last - day)
    load(last, last, "a_day_after_91_days")
    whole = figures(warehouse)
    restate(warehouse, change + 1)
    done = timed(seconds, "one_dossier_of_july_restated", lambda: refresh(warehouse, AGENCY))
    changes["one_dossier_of_july_restated"] = {"dossiers": done.changed, "indicators": done.written}
    for name, work in (("one_service_point_changed", service_point), ("one_unit_renamed", renamed)):
        work(warehouse, change + 1)
        done = timed(seconds, name, lambda: refresh(warehouse, AGENCY))
        changes[name] = {"dossiers": done.changed, "indicators": done.written}
    timed(seconds, "nothing_new", lambda: refresh(warehouse, AGENCY))
    with warehouse.session() as session:
        forget(session)
    analyze(warehouse)
    timed(seconds, "from_nothing", lambda: refresh(warehouse, AGENCY))
    return {
        "seconds": seconds, "changed": changes, "quarter": whole, "at_2_september": counted,
        "published_at_2_september": {unit: rates(dict(one)) for unit, one in PUBLISHED.items()},
        "definitions_differ": differ(warehouse),
    }  # fmt: skip


def figures(warehouse):
    """Per level, what was received and resolved in the quarter and the two on-time rates."""
    with warehouse.session() as session:
        rows = session.execute(
            "SELECT unit, received, resolved, early + on_time AS on_time, national_on_time + national_open_in_time"
            " AS national FROM marts.unit_periods WHERE unit = ANY (%s) AND kind = 'quarter' AND start = '2025-07-01'",
            [list(PUBLISHED)],
        )
        return {row.pop("unit"): rates(row) for row in rows}


def rates(row):
    """Counts with the rates that follow from them, in per cent with two decimals as they are published."""
    row["resolved_of_received"] = round(100 * row["resolved"] / row["received"], 2)
    row["on_time_of_resolved"] = round(100 * row["on_time"] / row["resolved"], 2)
    if "national" in row:
        row["national_of_received"] = round(100 * row["national"] / row["received"], 2)
    return row


def differ(warehouse):
    """How many dossiers the two definitions judge differently, by reason, with one of each named."""
    with warehouse.session() as session:
        found = reading.definitions_differ(session, AGENCY, "quarter", QUARTER[0], limit=1_000_000)
    reasons = {}
    for row in found.rows:
        known = reasons.setdefault(row["reason"], {"dossiers": 0, "one": row["ma_ho_so"]})
        known["dossiers"] += 1
    return {"total": found.total, "reasons": reasons}


def restate(warehouse, change):
    """One dossier of July gets another appointment."""
    with warehouse.session() as session:
        session.execute(
            "UPDATE core.ho_so SET ngay_hen_tra = ngay_tiep_nhan, _change = %s WHERE ma_ho_so ="
            " (SELECT min(ma_ho_so) FROM core.ho_so WHERE ngay_tiep_nhan < '2025-07-15' AND trang_thai = '10')",
            [change],
        )
        note(session, [], change)


def analyze(warehouse):
    with warehouse.session() as session:
        session.execute("ANALYZE core.ho_so")
        session.execute("ANALYZE core.tien_trinh")


def timed(seconds, name, work):
    began = time.perf_counter()
    done = work()
    if name:
        seconds[name] = round(time.perf_counter() - began, 2)
    return done


def indicators(var):
    """The whole measurement on a server of its own."""
    folders = Folders.from_env({"LIENTHONG_HOME": str(ROOT), "LIENTHONG_VAR": str(var)})
    folders.log.mkdir(parents=True)
    with briefly(folders) as server:
        warehouse = Warehouse(server.connection("warehouse"), ROOT)
        migrate(warehouse, load_all(ROOT / "expectations").values())
        return measure(warehouse)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(indicators(Path(folder) / "indicators"), indent=2))
