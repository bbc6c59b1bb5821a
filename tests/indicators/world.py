"""Small worlds of dossiers put into ``core`` as promotes leave them; nothing here computes an indicator."""

import random
from datetime import date, datetime, timedelta

FIRST = date(2025, 7, 21)
UNITS = [
    ("H15.100", "Phường Buôn Ma Thuột", "COMMUNE_PEOPLE_COMMITTEE", "24133"),
    ("H15.102", "Phường Tân Lập", "COMMUNE_PEOPLE_COMMITTEE", "24121"),
    ("H15.131", "Xã Ea Súp", "COMMUNE_PEOPLE_COMMITTEE", "24211"),
    ("H15.10", "Sở Nội vụ", "PROVINCIAL_DEPARTMENT", None),
    ("H15.14", "Sở Tư pháp", "PROVINCIAL_DEPARTMENT", None),
]
COMMUNES = [unit for unit in UNITS if unit[3]]
PROCEDURES = [
    ("1.000001", "3", "Ngày làm việc", "KQ.G01.000001"),
    ("1.000002", "10", "Ngày", "KQ.G01.000002"),
    ("1.000003", "4", "Giờ làm việc", None),
    ("1.000004", "0", "Ngày làm việc", "KQ.G01.000004"),
    ("1.000005", None, None, None),
]
EDGES = [(7, 0), (11, 30), (12, 10), (13, 30), (16, 59), (17, 0), (20, 15), (6, 40), (9, 20), (15, 5)]


def catalogues(warehouse):
    """The five units and five procedures that every world has, and a baseline of fees."""
    with warehouse.session() as session:
        session.execute(
            "INSERT INTO marts.targets (indicator, baseline) VALUES ('giam_chi_phi', %s) ON CONFLICT DO NOTHING",
            [BASELINE],
        )
    write(
        warehouse,
        don_vi=[
            {"ma_don_vi": code, "ten_don_vi": name, "loai": kind, "ma_xa": commune, "hieu_luc_tu": date(2025, 7, 1)}
            for code, name, kind, commune in UNITS
        ],
        thu_tuc=[
            {"ma_tthc": code, "thoi_gian_giai_quyet": amount, "don_vi_tinh": unit, "ma_ket_qua": result}
            for code, amount, unit, result in PROCEDURES
        ],
    )


BASELINE = 600_000
"""The mean fee that the worlds compare with; an installation sets its own."""

KEYS = {
    "ho_so": lambda r: r["ma_ho_so"],
    "tien_trinh": lambda r: f"{r['ma_ho_so']}|{r['thoi_diem_xu_ly']}|{r['trang_thai']}",
    "don_vi": lambda r: r["ma_don_vi"],
    "thu_tuc": lambda r: r["ma_tthc"],
    "phan_anh_hien_truong": lambda r: r["ma_phan_anh"],
    "diem_phuc_vu": lambda r: r["ma_don_vi"],
}


def write(warehouse, *, promoted=(), at=datetime(2025, 7, 1), **rows):
    """Merge rows by key, one version a dataset, and note the windows of dossiers and steps as promoted.

    A row with ``_deleted`` is a record that its source no longer has."""
    with warehouse.session() as session:
        for dataset, given in rows.items():
            if not given:
                continue
            change = session.execute(
                "INSERT INTO ops.dataset_versions (dataset, version, first_version) VALUES (%s, 1, 1) ON CONFLICT"
                " (dataset) DO UPDATE SET version = ops.dataset_versions.version + 1 RETURNING version",
                [dataset],
            ).fetchone()["version"]
            for row in given:
                gone = datetime(2025, 12, 1) if row.get("_deleted") else None
                columns = {name: value for name, value in row.items() if name != "_deleted"} | {
                    "_record_key": KEYS[dataset](row), "_source": "s", "_source_time": at, "_version": 1, "_run_id": 1,
                    "_row_hash": "00000000-0000-0000-0000-000000000000", "_change": change, "_deleted_at": gone,
                }  # fmt: skip
                names = ", ".join(columns)
                marks = ", ".join(["%s"] * len(columns))
                sets = ", ".join(f"{name} = excluded.{name}" for name in columns)
                session.execute(
                    f"INSERT INTO core.{dataset} ({names}) VALUES ({marks})"
                    f" ON CONFLICT (_record_key) DO UPDATE SET {sets}",
                    list(columns.values()),
                )
        for day in promoted:
            for dataset in ("ho_so", "tien_trinh"):
                session.execute(
                    "INSERT INTO ops.runs (dataset, window_start, window_end, state, extracted, inserted, updated,"
                    " unchanged, superseded, quarantined) VALUES (%s, %s::date::timestamptz,"
                    " (%s::date + 1)::timestamptz, 'promoted', 0, 0, 0, 0, 0, 0)",
                    [dataset, day, day],
                )


def dossier(code, received, due=None, status="4", ended=None, unit="H15.102", **more):
    """A header; times may be texts."""
    return {
        "ma_ho_so": code, "ma_don_vi": unit, "ma_tthc": "1.000001", "trang_thai": status, "ngay_tiep_nhan": received,
        "ngay_hen_tra": due, "ngay_ket_thuc_xu_ly": ended, "kenh_thuc_hien": "1", "muc_phi": 0, **more,
    }  # fmt: skip


def step(code, at, status, office="Bộ phận một cửa", officer="Nguyễn Văn A"):
    return {
        "ma_ho_so": code, "thoi_diem_xu_ly": at, "trang_thai": status, "phong_ban_xu_ly": office, "nguoi_xu_ly": officer
    }  # fmt: skip


def lives(seed, count=140, days=75):
    """Dossiers with their steps, all kinds of odd ones among them: (headers, steps), each a function of the seed."""
    chance = random.Random(seed)
    headers, steps = [], []
    for number in range(count):
        header, own = _life(chance, number, days)
        headers.append(header)
        steps += own
    return headers, list({KEYS["tien_trinh"](one): one for one in steps}.values())


def _life(chance, number, days):
    unit = chance.choice(UNITS)[0]
    received = _moment(chance, FIRST + timedelta(chance.randrange(days)))
    code = f"{unit}-{received:%y%m%d}-{number:04d}"
    due = None if chance.random() < 0.12 else _moment(chance, received.date() + timedelta(chance.randint(0, 9)))
    steps, now = [], received
    if chance.random() < 0.3:
        steps.append(step(code, received - timedelta(minutes=chance.randint(1, 900)), "1"))
    status = "1"
    if chance.random() < 0.93:
        steps.append(step(code, received, "2"))
        status = "2"
    for _ in range(chance.choice([0, 0, 0, 1, 1, 2])):
        now = _later(chance, now)
        steps.append(step(code, now, "5"))
        status = "5"
        if chance.random() < 0.75:
            now = _later(chance, now)
            steps.append(step(code, now, "4"))
            status = "4"
    ended = None
    ending = chance.choice(["9", "9", "9", "10", "9+10", "7", "8", "3", "", "", "6"])
    to_the_second = due is not None and chance.random() < 0.2 and ending in ("9", "10")
    now = max(now, due) if to_the_second else _later(chance, now)
    for one in ending.split("+") if ending else ():
        room = chance.choice(["Phòng A", "Phòng B", "Phòng C"])
        if chance.random() < 0.95:  # a step can wait in quarantine while its header is there
            steps.append(step(code, now, one, room, f"Cán bộ {chance.randrange(5)}"))
        status, ended = one, now if one != "6" else None
        now = _later(chance, now)
    if ended is not None and chance.random() < 0.08:
        ended = chance.choice([None, ended + timedelta(days=1)])
    fee = chance.choice([0, 0, 8000, 50000])
    place = chance.choice([unit_[1] for unit_ in COMMUNES] + ["Phường Khác"])
    header = dossier(
        code, received, due, status, ended, unit, ma_tthc=chance.choice(PROCEDURES)[0],
        kenh_thuc_hien=chance.choice(["1", "2", "2", "3", None]), muc_phi=fee,
        thanh_toan_truc_tuyen=chance.choice(["1", "2", "3"]) if fee else "0",
        co_so_hoa=chance.choice(["0", "1", None]), xac_thuc_vneid=chance.choice(["0", "1"]),
        giay_to_tai_su_dung=chance.choice(["0", "1", "2"]), lay_tu_kho_dmqg=chance.choice(["0", "0", "1"]),
        ma_giay_to_ket_qua=chance.choice(["KQ", None]), duong_dan_ket_qua=chance.choice(["https://x.example", None]),
        dia_chi=chance.choice([f"Thôn 1, {place}, tỉnh Đắk Lắk", f"Buôn Ea, {place}", None]),
    )  # fmt: skip
    if chance.random() < 0.03:
        header["_deleted"] = True
    return header, steps


def feedback(seed, count=40, days=75):
    """Field feedback of the communes."""
    chance = random.Random(seed + 1)
    return [
        {
            "ma_phan_anh": f"PA-{number:04d}", "ma_xa": chance.choice(COMMUNES)[3],
            "thoi_diem_gui": _moment(chance, FIRST + timedelta(chance.randrange(days))),
            "muc_do_hai_long": chance.choice(["1", "2", "3", "3", None]),
        }
        for number in range(count)
    ]  # fmt: skip


def equipment(seed):
    """Service points of some units."""
    chance = random.Random(seed + 2)
    return [
        {
            "ma_don_vi": code, "so_quay": chance.randint(1, 6), "so_may_tinh": chance.randint(1, 9),
            "so_can_bo": chance.randint(1, 9), "so_may_quet": chance.randint(0, 5),
            "mang_chuyen_dung": chance.choice(["0", "1"]), "bang_thong_mbps": chance.choice([50, 100, 300]),
            "cap_nhat_luc": _moment(chance, FIRST + timedelta(chance.randrange(-20, 40))),
        }
        for code in ("H15.100", "H15.102", "H15.10")
    ]  # fmt: skip


def _moment(chance, day):
    hour, minute = chance.choice(EDGES)
    return datetime(day.year, day.month, day.day, hour, minute, chance.choice([0, 0, 30]))


def _later(chance, moment):
    return moment + timedelta(minutes=chance.choice([0, 25, 170, 700, 1440, 2900, 8000]), seconds=chance.choice([0, 1]))
