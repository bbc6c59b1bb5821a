"""Every indicator again, by pandas from ``core``, written from the domain's text and not from the marts' SQL."""

from datetime import date, datetime, time, timedelta
from fractions import Fraction

import numpy as np
import pandas as pd  # noqa: TID253 - the package itself never loads it

from .world import BASELINE

FLOOR = date(2025, 7, 1)
HOLIDAYS = {date(2025, 9, 1), date(2025, 9, 2), date(2026, 1, 1)}
"""The public holidays on weekdays of the half-year that the worlds lie in, as the government published them."""
HALVES = ((time(7), time(11, 30)), (time(13, 30), time(17)))


def works(day):
    """Whether offices work on a day of the worlds."""
    return day.weekday() < 5 and day not in HOLIDAYS


def worked(begin, end):
    """Working seconds between two moments, half day by half day."""
    if end <= begin:
        return 0
    total, day = 0.0, begin.date()
    while day <= end.date():
        if works(day):
            for opens, closes in HALVES:
                inside = min(end, datetime.combine(day, closes)) - max(begin, datetime.combine(day, opens))
                total += max(inside.total_seconds(), 0)
        day += timedelta(1)
    return int(total)


def limit_of(amount, unit, received):
    """The legal limit in working seconds, or None; days of the calendar end on a working day, at the same hour."""
    if amount is None:
        return None
    if amount == 0:
        return 8 * 3600
    unit = unit.lower()
    if unit == "ngày làm việc":
        return int(amount * 8 * 3600)
    if unit.startswith("giờ"):
        return int(amount * 3600)
    begin = received
    while worked(begin, begin + timedelta(seconds=1)) == 0 and begin.time() not in (time(11, 30), time(17)):
        begin += timedelta(seconds=1) if begin.second else timedelta(minutes=1)
    if not works(begin.date()):  # an end of a half day on a day off
        begin = datetime.combine(begin.date(), time(7))
        while not works(begin.date()):
            begin += timedelta(1)
    end = datetime.combine(begin.date() + timedelta(int(amount)), begin.time())
    while not works(end.date()):
        end += timedelta(1)
    return worked(begin, end)


def facts(session, horizon):
    """One row a live dossier, with what both definitions say."""
    steps = {}
    for row in session.execute("SELECT * FROM core.tien_trinh WHERE _deleted_at IS NULL"):
        steps.setdefault(row["ma_ho_so"], []).append(row)
    terms = {row["ma_tthc"]: row for row in session.execute("SELECT * FROM core.thu_tuc")}
    names = {row["ten_don_vi"]: row["ma_don_vi"] for row in session.execute("SELECT * FROM core.don_vi")}
    kinds = {row["ma_don_vi"]: row["loai"] for row in session.execute("SELECT * FROM core.don_vi")}
    headers = session.execute("SELECT * FROM core.ho_so WHERE _deleted_at IS NULL")
    return pd.DataFrame([_facts(h, steps.get(h["ma_ho_so"], []), terms[h["ma_tthc"]], names, kinds) for h in headers])


def _facts(h, steps, term, names, kinds):  # noqa: C901 - every branch of the domain's text in one place
    path = sorted(steps, key=lambda s: (s["thoi_diem_xu_ly"], s["trang_thai"]))
    of = lambda *wanted: [s["thoi_diem_xu_ly"] for s in path if s["trang_thai"] in wanted]  # noqa: E731
    status, received, due = h["trang_thai"], h["ngay_tiep_nhan"], h["ngay_hen_tra"]
    accepted = bool(of("2", "4", "5", "6", "9", "10"))
    closed = max(of("9") or of("10") or (accepted and of("3", "7", "8")) or [None])
    spans, since = [], None
    for one in path:
        if one["trang_thai"] == "5":
            since = since or one["thoi_diem_xu_ly"]
        elif one["trang_thai"] == "4" and since:
            spans.append((since, one["thoi_diem_xu_ly"]))
            since = None
    if closed:
        spans = [span for span in spans if span[1] <= closed]
    requests = of("5")
    waits = bool(since) and closed is None
    ended = closed or (requests[-1] if waits else None)
    taken = sum((b - a for a, b in spans), timedelta())
    taken_working = sum(worked(a, b) for a, b in spans)
    limit = limit_of(term["thoi_gian_giai_quyet"], term["don_vi_tinh"], received)

    def within(moment):
        if due is not None:
            return moment - taken <= due
        return limit is None or worked(received, moment) - taken_working <= limit

    national = "open" if ended is None else "on_time" if within(ended) and not (waits and len(requests) > 1) else "late"
    end = h["ngay_ket_thuc_xu_ly"] and h["ngay_ket_thuc_xu_ly"].date()
    if status in ("1", "3"):
        local = "outside"
    elif status in ("5", "6", "8") or (status == "7" and end is None):
        local = "in_time"
    elif status == "7":
        local = "on_time"
    elif end is None:
        local = "open"
    elif due is None or end == due.date():
        local = "on_time"
    else:
        local = "early" if end < due.date() else "late"
    commune = kinds[h["ma_don_vi"]] == "COMMUNE_PEOPLE_COMMITTEE"
    home = next((names[part.strip()] for part in (h["dia_chi"] or "").split(",") if part.strip() in names), None)
    minutes = None if closed is None else max(worked(received, closed) - taken_working, 0) // 60
    fee = h["muc_phi"] or 0
    e_result = bool(h["ma_giay_to_ket_qua"] and h["duong_dan_ket_qua"])
    paid = h["thanh_toan_truc_tuyen"] in ("1", "2")
    online = h["kenh_thuc_hien"] == "2"
    return {
        "unit": h["ma_don_vi"], "commune": commune, "received": received.date(),
        "counted": not (status == "1" or (status == "3" and not accepted)), "national": national, "within": within,
        "local": local, "end": end if local in ("early", "on_time", "late") else None,
        "left": end if local in ("early", "on_time", "late") or status == "8" else None,
        "due": due and due.date(), "withdrawn": status == "7", "minutes": minutes,
        "limit": None if limit is None else limit // 60, "online": online, "post": h["kenh_thuc_hien"] == "3",
        "full": online and e_result and (fee == 0 or paid), "result_due": status in ("9", "10") and
        term["ma_ket_qua"] is not None, "e_result": e_result, "digitised": h["co_so_hoa"] == "1",
        "reused": h["giay_to_tai_su_dung"] in ("1", "2"), "store": h["lay_tu_kho_dmqg"] == "1",
        "vneid": h["xac_thuc_vneid"] == "1", "fee": fee, "paid": paid, "supplements": len(requests),
        "outside": None if not commune or home is None else home != h["ma_don_vi"],
    }  # fmt: skip


def periods(first, horizon):
    """(kind, start, begins, stands) of every period between two days: what of it counts begins and stands there."""
    found = []
    for kind, code in (("day", "D"), ("month", "M"), ("quarter", "Q"), ("year", "Y")):
        for period in pd.period_range(first, horizon, freq=code):
            start, last = period.start_time.date(), period.end_time.date()
            found.append((kind, start, max(start, first), min(last, horizon)))
    return found


def equipment(session):
    """{unit: [(since, row or None)]}: what each point had, by when its source last changed it."""
    found = {}
    for table in ("history", "core"):
        for row in session.execute(f"SELECT * FROM {table}.diem_phuc_vu ORDER BY _version"):
            known = found.setdefault(row["ma_don_vi"], {})
            gone = row["_deleted_at"] is not None
            since = (row["_source_time"] - timedelta(seconds=1)) if gone else row["cap_nhat_luc"]
            for later in [one for one in known if one >= since]:
                del known[later]
            known[since] = None if gone else row
    return {unit: sorted(known.items(), key=lambda one: one[0]) for unit, known in found.items()}


def _points(versions, codes, stands):
    """The rows of the service points of some units at the end of a day."""
    held = []
    for unit in codes:
        row = None
        for since, said in versions.get(unit, ()):
            row = said if since.date() <= stands else row
        held += [row] if row else []
    return pd.DataFrame(held)


def indicators(session, horizon, days):
    """{(indicator, unit, kind, start): (numerator, denominator, value)}, exact, for every level, the given days and
    every month, quarter and year."""
    frame, found = facts(session, horizon), {}
    people = pd.DataFrame(
        list(
            session.execute(
                "SELECT d.ma_don_vi AS unit, thoi_diem_gui::date AS day, muc_do_hai_long AS rating"
                " FROM core.phan_anh_hien_truong p JOIN core.don_vi d USING (ma_xa) WHERE p._deleted_at IS NULL"
            )
        ),
        columns=["unit", "day", "rating"],
    )
    versions = equipment(session)
    kinds = {row["ma_don_vi"]: row["loai"] for row in session.execute("SELECT * FROM core.don_vi")}
    communes = [unit for unit, kind in kinds.items() if kind == "COMMUNE_PEOPLE_COMMITTEE"]
    members = {unit: [unit] for unit in kinds}
    members |= {"H15": list(kinds), "H15-XA": communes, "H15-SO": [unit for unit in kinds if unit not in communes]}
    # The first day that anything happened on, of what figures know of; what was before the floor is carried over.
    inside = frame.counted | (frame.local != "outside")
    events = [*frame.received[inside], *frame.left.dropna(), *people.day[people.day >= FLOOR]]
    late = frame[frame.local.isin(["open", "late"]) & frame.due.notna()]
    first = max(min([*events, *(day + timedelta(1) for day in late.due), horizon]), FLOOR)
    for unit, codes in members.items():
        mine, said = frame[frame.unit.isin(codes)], people[people.unit.isin(codes)]
        for kind, start, begins, stands in periods(first, horizon):
            if kind == "day" and start not in days:
                continue
            there = _points(versions, codes, stands)
            for name, value in _period(mine, said, there, begins, stands).items():
                if value is not None:
                    found[name, unit, kind, start] = value
    return found


def _period(frame, people, points, start, stands):
    # Days after the horizon are in no figure, so not after the day that the period stands at.
    inside = frame.received.between(start, stands)
    got = frame[inside & frame.counted]
    done = frame[_mask(not pd.isna(day) and start <= day <= stands for day in frame.end)]
    timed = done[~done.withdrawn.astype(bool) & done.minutes.notna()]
    limited = timed[timed.limit.notna()]
    close = datetime.combine(stands + timedelta(1), time())
    running = sum(1 for row in got.itertuples() if row.national == "open" and row.within(close))
    good = int((got.national == "on_time").sum()) + running
    now, overdue = _standing(frame, stands)
    before, _ = _standing(frame, start - timedelta(1))
    rated = people[people.day.between(start, stands)] if len(people) else people
    known = got[got.outside.notna()]
    shares = {
        "dung_han_quoc_gia": (good, len(got)),
        "dung_han_dia_phuong": (int(done.local.isin(["early", "on_time"]).sum()), len(done)),
        "som_han": (int((done.local == "early").sum()), len(done)),
        "ty_le_qua_han": (overdue, now),
        "trong_thoi_han_luat": (int((limited.minutes <= limited.limit).sum()), len(limited)),
        "ty_le_bo_sung": (int((got.supplements > 0).sum()), len(got)),
        "ty_le_truc_tuyen": (int(got.online.sum()), len(got)),
        "ty_le_buu_chinh": (int(got.post.sum()), len(got)),
        "ty_le_toan_trinh": (int(got.full.sum()), len(got)),
        "ty_le_thanh_toan_truc_tuyen": (int((got.paid & (got.fee > 0)).sum()), int((got.fee > 0).sum())),
        "ty_le_ket_qua_dien_tu": (int((got.result_due & got.e_result).sum()), int(got.result_due.sum())),
        "ty_le_so_hoa": (int(got.digitised.sum()), len(got)),
        "ty_le_tai_su_dung": (int(got.reused.sum()), len(got)),
        "ty_le_kho_quoc_gia": (int(got.store.sum()), len(got)),
        "ty_le_vneid": (int(got.vneid.sum()), len(got)),
        "hai_long_phan_anh": (int((rated.rating == "3").sum()), int(rated.rating.notna().sum())),
        "hai_long_tiep_nhan": (good, len(got)),
        "ngoai_dia_ban": (int(known.outside.astype(bool).sum()), len(known)),
        "tien_do_phi_dia_gioi": (
            known[known.outside.astype(bool)].unit.nunique(), got[got.commune.astype(bool)].unit.nunique()
        ),
        "giam_thoi_gian": (int(limited.limit.sum() - limited.minutes.sum()), int(limited.limit.sum())),
        "giam_chi_phi": (
            int((got.fee > 0).sum()) * BASELINE - int(got.fee.sum()), int((got.fee > 0).sum()) * BASELINE
        ),
    }  # fmt: skip
    if len(points):
        total = points[["so_may_tinh", "so_can_bo", "so_may_quet", "so_quay", "bang_thong_mbps"]].astype(int).sum()
        shares |= {
            "may_tinh_moi_can_bo": (total.so_may_tinh, total.so_can_bo),
            "may_quet_moi_quay": (total.so_may_quet, total.so_quay),
            "ty_le_mang_chuyen_dung": (int((points.mang_chuyen_dung == "1").sum()), len(points)),
            "bang_thong_trung_binh": (total.bang_thong_mbps, len(points)),
        }
    found = {name: (int(a), int(b), Fraction(int(a), int(b))) if b else None for name, (a, b) in shares.items()}
    for name, amount, count in (
        ("thoi_gian_trung_binh", timed.minutes.sum(), len(timed)),
        ("thoi_han_luat_trung_binh", limited.limit.sum(), len(limited)),
    ):
        found[name] = (int(amount), count, Fraction(int(amount), count * 480)) if count else None
    if len(timed):
        rank = int(np.quantile(timed.minutes.astype(int).to_numpy(), 0.9, method="inverted_cdf"))
        found["thoi_gian_p90"] = (rank, len(timed), Fraction(rank, 480))
    for name, number in {
        "ho_so_tiep_nhan": len(got), "ho_so_giai_quyet": len(done), "ho_so_ky_truoc_chuyen_sang": before,
        "ho_so_dang_giai_quyet": now, "ho_so_trong_han": now - overdue, "ho_so_qua_han": overdue,
        "ho_so_tre_han": int((done.local == "late").sum()), "so_lan_bo_sung": int(got.supplements.sum()),
    }.items():  # fmt: skip
        found[name] = (number, None, Fraction(number))
    return found


def _standing(frame, day):
    """Dossiers pending at the end of a day, and those of them that are overdue."""
    here = frame[(frame.local != "outside") & (frame.received <= day)]
    left = here[_mask(pd.isna(end) or end > day for end in here.left)]
    late = left[left.local.isin(["open", "late"]) & _mask(not pd.isna(due) and due < day for due in left.due)]
    return len(left), len(late)


def _mask(tests):
    return np.fromiter(tests, dtype=bool)
