"""Builds ``catalogue.json``, byte for byte the same each time, from the three lists beside this file.

    python -m lienthong.sandbox.make_catalogue

``catalogue_procedures.tsv`` has one procedure a line: field code, levels (1 province, 3 commune), durations
(``3N+8N``: three working days, eight when the case has to be verified; N working days, D days, G working
hours), fee in dong, who may apply (C citizens, D enterprises, T organisations, E agencies), whether it is in
force, name. Everything is invented except the names of ministries, units and the one code 1.001193.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Entry = dict[str, Any]

HERE = Path(__file__).parent
CATALOGUE = HERE / "catalogue.json"
NOTE = (
    "Dữ liệu mẫu của môi trường thử nghiệm, không phải cơ sở dữ liệu quốc gia về thủ tục hành chính: mã thủ tục, "
    "lĩnh vực, thời hạn, phí và kết quả đều được đặt ra. / Sandbox data, not the national database of procedures: "
    "codes, fields, durations, fees and results are invented."
)
FIXED_CODES = {"Đăng ký khai sinh": "1.001193"}
LEVELS = {"1": "Cấp Tỉnh", "3": "Cấp Xã"}
UNITS = {"N": "Ngày làm việc", "D": "Ngày", "G": "Giờ làm việc"}
APPLICANTS = {
    "C": ("1", "Công dân Việt Nam"),
    "D": ("2", "Doanh nghiệp"),
    "T": ("4", "Tổ chức (không bao gồm doanh nghiệp, HTX)"),
    "E": ("3", "Cơ quan, đơn vị nhà nước"),
}
CHANNELS = {"1": "Trực tiếp", "2": "Trực tuyến", "3": "Dịch vụ bưu chính"}
DESK_ONLY = "G15-TP02"
"""Certification needs the original paper, so its procedures are handled at the desk alone."""
CODES_PER_PREFIX = {1: 14_000, 2: 3_000, 3: 1_000}
PAPERS = {
    "C": ("Bản sao Giấy khai sinh hoặc giấy tờ tùy thân", "Giấy tờ chứng minh nơi cư trú"),
    "D": ("Bản sao Giấy chứng nhận đăng ký doanh nghiệp", "Báo cáo thuyết minh"),
    "T": ("Điều lệ hoặc quy chế hoạt động", "Danh sách thành viên"),
    "E": ("Văn bản đề nghị của cơ quan", "Danh mục kèm theo"),
}
REPLACING_RESULT = {"C": "Đăng ký khai sinh", "D": "Đăng ký thành lập công ty cổ phần"}
"""Whose result can stand in for the first paper of each kind of applicant."""
STEPS = (
    "Tổ chức, cá nhân nộp hồ sơ tại Trung tâm Phục vụ hành chính công hoặc trên Cổng Dịch vụ công quốc gia.",
    "Cán bộ tiếp nhận kiểm tra thành phần hồ sơ, cấp Giấy tiếp nhận hồ sơ và hẹn trả kết quả.",
    "Cơ quan chuyên môn thẩm định, trình người có thẩm quyền ký và trả kết quả.",
)


def build() -> Entry:
    """The whole catalogue: ``note``, ``procedures``, ``agencies`` and ``fields`` in the portal's own keys."""
    fields = {row["ma_linh_vuc"]: row["ten_linh_vuc"] for row in _rows("fields")}
    agencies = {row["ma_don_vi"]: row for row in _rows("agencies")}
    sources = list(_rows("procedures"))
    codes = _codes([row["ten_tthc"] for row in sources])
    results = {row["ten_tthc"]: _result_code(codes[row["ten_tthc"]], _ministry(row)) for row in sources}
    return {
        "note": NOTE,
        "procedures": [
            _procedure(row, codes[row["ten_tthc"]], results, fields, agencies[_ministry(row)]["ten_don_vi"])
            for row in sources
        ],
        "agencies": [
            {"MADONVI": code, "TENDONVI": row["ten_don_vi"], "CAPDONVI": row["cap_don_vi"]}
            for code, row in agencies.items()
        ],
        "fields": [
            {"MALINHVUC": code, "TENLINHVUC": name, "MANGANH": code.split("-")[0]} for code, name in fields.items()
        ],
    }


def encode(catalogue: Entry) -> str:
    """One entry a line, so that a change of one procedure is a change of one line."""
    parts = [f'"note": {json.dumps(catalogue["note"], ensure_ascii=False)}']
    for key in ("procedures", "agencies", "fields"):
        lines = ",\n".join(json.dumps(entry, ensure_ascii=False, separators=(",", ":")) for entry in catalogue[key])
        parts.append(f'"{key}": [\n{lines}\n]')
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _rows(name: str) -> Iterator[dict[str, str]]:
    with (HERE / f"catalogue_{name}.tsv").open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)


def _ministry(row: dict[str, str]) -> str:
    return row["ma_linh_vuc"].split("-")[0]


def _draw(*parts: str) -> int:
    """A number that depends on the words alone: the catalogue is the same on every machine."""
    return int.from_bytes(hashlib.sha256("|".join(parts).encode()).digest()[:6], "big")


def _codes(names: list[str]) -> dict[str, str]:
    """A unique code of form ``d.dddddd`` for each name, kept when other names come or go."""
    taken = set(FIXED_CODES.values())
    codes = dict(FIXED_CODES)
    for name in names:
        attempt = 0
        while name not in codes:
            prefix = (1, 1, 1, 2, 2, 3)[_draw(name, "prefix") % 6]
            code = f"{prefix}.{_draw(name, 'code', str(attempt)) % CODES_PER_PREFIX[prefix]:06d}"
            if code not in taken:
                taken.add(code)
                codes[name] = code
            attempt += 1
    return codes


def _result_code(code: str, ministry: str) -> str:
    """Both forms that circulate, chosen by the procedure's code."""
    serial = _draw(code, "result") % 1_000_000
    if serial % 3:
        return f"KQ.{ministry}.{serial:06d}"
    return f"000.00.00.{ministry}-KQ{serial:06d}"


def _procedure(
    row: dict[str, str], code: str, results: dict[str, str], fields: dict[str, str], ministry_name: str
) -> Entry:
    name, ministry = row["ten_tthc"], _ministry(row)
    applicants = [APPLICANTS[letter] for letter in row["doi_tuong"]]
    agencies = [{"MADONVI": "H15", "TENDONVI": "UBND tỉnh Đắk Lắk"}]
    return {
        "ID": str(100_000 + _draw(code, "id") % 900_000),
        "MATTHC": code,
        "TENTTHC": name,
        "MACOQUANCONGBO": ministry,
        "LOAITTHC": "TTHC được luật giao quy định chi tiết",
        "TRANGTHAI": row["trang_thai"],
        "TUKHOA": "",
        "MOTA": "Thủ tục mẫu của môi trường thử nghiệm",
        "QUYETDINH": f"{1 + _draw(code, 'decision') % 3000}/QĐ-THUNGHIEM",
        "IDQUYETDINHCONGBO": str(1_000 + _draw(code, "decision id") % 9_000),
        "MOTADOITUONGTHUCHIEN": "; ".join(text for _, text in applicants),
        "DIACHITIEPNHAN": "Trung tâm Phục vụ hành chính công nơi thuận tiện",
        "YEUCAU": "Không",
        "MOTACOQUANTHUCHIEN": "Ủy ban nhân dân cấp xã" if row["cap"] == "3" else "Cơ quan chuyên môn cấp tỉnh",
        "MOTACOQUANTHAMQUYEN": ministry_name,
        "CAPTHUCHIEN": [{"CAPTHUCHIEN": level, "TENCAP": LEVELS[level]} for level in row["cap"]],
        "LINHVUCTHUCHIEN": [{"MALINHVUC": row["ma_linh_vuc"], "TENLINHVUC": fields[row["ma_linh_vuc"]]}],
        "TRINHTUTHUCHIEN": [{"TRUONGHOP": "", "TRINHTU": [{"TENTRINHTU": step} for step in STEPS]}],
        "CACHTHUCTHUCHIEN": [_channel(row, code, kenh) for kenh in _channels(row, code)],
        "DOITUONGTHUCHIEN": [{"MADOITUONG": key, "TENDOITUONG": text} for key, text in applicants],
        "THANHPHANHOSO": [{"TRUONGHOP": "", "GIAYTO": list(_papers(row, code, results))}],
        "KETQUATHUCHIEN": [{"MAKETQUA": results[name], "TENKETQUA": f"Kết quả: {name}", "TENTEP": "", "URL": ""}],
        "CANCUPHAPLY": [
            {
                "SOVANBAN": "118/2025/NĐ-CP",
                "TENVANBAN": "Nghị định về thực hiện thủ tục hành chính theo cơ chế một cửa, một cửa liên thông",
                "COQUANBANHANH": "Chính phủ",
                "NGAYBANHANH": "20250609",
                "NGAYHIEULUC": "20250701",
                "DIACHITRUYCAP": "",
            }
        ],
        "COQUANTHUCHIEN": agencies,
        "COQUANCOTHAMQUYEN": agencies,
        "COQUANDUOCUYQUYEN": [],
        "COQUANPHOIHOP": [],
        "TTHCLIENQUAN": [],
        "TTHCLIENTHONG": [],
    }


def _channels(row: dict[str, str], code: str) -> str:
    if row["ma_linh_vuc"] == DESK_ONLY:
        return "1"
    return "13" if _draw(code, "offline") % 10 == 0 else "123"


def _channel(row: dict[str, str], code: str, kenh: str) -> Entry:
    """One way to apply with its durations; online is a day shorter for half of the longer procedures."""
    fee = int(row["phi"])
    times = []
    for number, text in enumerate(row["thoi_gian"].split("+")):
        amount, unit = int(text[:-1]), text[-1]
        if kenh == "2" and unit == "N" and amount >= 3 and _draw(code, "faster") % 2:
            amount -= 1
        if kenh == "2" and _draw(code, "online fee") % 4 == 0:
            fee = int(row["phi"]) // 2
        times.append(
            {
                "THOIGIANGIAIQUYET": str(amount),
                "DONVITINH": UNITS[unit],
                "MOTA": "Trường hợp phải xác minh" if number else CHANNELS[kenh],
                "PHILEPHI": _fees(code, fee),
            }
        )
    return {"KENH": kenh, "THOIGIAN": times}


def _fees(code: str, fee: int) -> list[Entry]:
    if not fee:
        return []
    return [
        {
            "MAPHILEPHI": f"PLP{_draw(code, 'fee') % 100_000:05d}",
            "SOTIEN": str(fee),
            "DONVI": "Đồng",
            "MOTA": "Lệ phí",
            "TENTEP": "",
            "URL": "",
        }
    ]


def _papers(row: dict[str, str], code: str, results: dict[str, str]) -> Iterator[Entry]:
    kind = row["doi_tuong"][0]
    replaced_by = results[REPLACING_RESULT[kind]] if kind in REPLACING_RESULT else ""
    form = f"Tờ khai đề nghị: {row['ten_tthc']}"
    for number, (paper, result) in enumerate(zip((form, *PAPERS[kind]), ("", replaced_by, ""), strict=True), start=1):
        yield {
            "MAGIAYTO": f"G{_draw(code, 'paper') % 100_000:05d}.{number}",
            "TENGIAYTO": paper,
            "TENMAUDON": "Mẫu tờ khai" if number == 1 else "",
            "URL": "",
            "SOBANCHINH": "1" if number == 1 else "0",
            "SOBANSAO": "0" if number == 1 else "1",
            "MA_KQ_THAYTHE": result,
        }


def main() -> None:
    """Write the catalogue beside this file."""
    CATALOGUE.write_text(encode(build()), encoding="utf-8")


if __name__ == "__main__":
    main()
