"""The data model page and the published context, made from the declaration of the entities.

python -m lienthong.ngsi.pages        writes docs/data-model.md and ngsi-context.jsonld beside this module anew
"""

from __future__ import annotations

import json
from pathlib import Path

from lienthong.ngsi.model import NAMESPACE, TYPES, Attribute, EntityType
from lienthong.ngsi.options import CORE_CONTEXT
from lienthong.settings import ROOT

PAGE, CONTEXT = "docs/data-model.md", "include/lienthong/ngsi/ngsi-context.jsonld"
"""The context lies in the package, because the image has the package and not the documents."""
_XSD = "http://www.w3.org/2001/XMLSchema#"
_HEAD = """# Mô hình dữ liệu NGSI-LD

*What the monitoring centre receives: three types of entities. This page and the context are made from
`include/lienthong/ngsi/model.py` by `python -m lienthong.ngsi.pages`.*

Trung tâm Giám sát, điều hành nhận ba loại thực thể theo chuẩn NGSI-LD (ETSI GS CIM 009). Không có dữ liệu cá nhân:
chỉ có số đếm, tỷ lệ, ngày và mã.

- **Định danh** có dạng `urn:ngsi-ld:<Loại>:<khóa>`, các phần của khóa cách nhau bằng dấu hai chấm.
- **Phiên bản** (`version`) tăng mỗi khi bản ghi thay đổi; cùng phiên bản thì cùng nội dung, gửi lại không làm thay đổi
  gì. SHA-256 của JSON chuẩn tắc của thực thể (tên theo thứ tự, không có khoảng trắng, không có `@context`) là số ghi
  trong biên nhận của tỉnh.
- **Thời điểm** (`observedAt`, cột «Có thời điểm») viết theo giờ UTC, kết thúc bằng Z: là cuối kỳ, hoặc cuối ngày mới
  nhất đã có dữ liệu. Trung tâm dùng thời điểm này để giữ diễn biến (`temporal/entities`); kỳ đang diễn ra có thêm một
  giá trị mỗi ngày.
- **Đơn vị tính** (`unitCode`) theo Khuyến nghị 20 của UN/CEFACT: P1 là phần trăm, C62 là số đếm, DAY là ngày (ngày
  làm việc nếu `unitOfMeasure` ghi như vậy), E20 là Mbps.
- **Tỷ lệ** luôn đi cùng tử số, mẫu số và cách tính. Không đặt hai tỷ lệ đúng hạn (cách tính quốc gia và cách tính của
  tỉnh) vào một biểu đồ mà không ghi rõ mẫu số.
- **Thuộc tính không có giá trị** thì không có trong thực thể. Bản ghi bị xóa ở nguồn thì thực thể bị xóa.
- **Ngữ cảnh** (`@context`): tệp [`ngsi-context.jsonld`](../include/lienthong/ngsi/ngsi-context.jsonld); tên viết trong
  đó là tên trên đường truyền.
"""


def context() -> str:
    """The published context: our names, then the core context of the standard."""
    terms: dict[str, object] = {kind.name: NAMESPACE + kind.name for kind in TYPES}
    for attribute in sorted({one.name: one for kind in TYPES for one in kind.attributes}.values(), key=_name):
        if attribute.kind == "Relationship":
            terms[attribute.name] = {"@id": NAMESPACE + attribute.name, "@type": "@id"}
        elif attribute.value in ("date", "time"):
            kind = "date" if attribute.value == "date" else "dateTime"
            terms[attribute.name] = {"@id": NAMESPACE + attribute.name, "@type": _XSD + kind}
        else:
            terms[attribute.name] = NAMESPACE + attribute.name
    return json.dumps({"@context": [terms, CORE_CONTEXT]}, ensure_ascii=False, indent=2) + "\n"


def page() -> str:
    """The data model page."""
    return "\n".join([_HEAD, *(_section(kind) for kind in TYPES)])


def write(home: Path) -> None:
    """Write both files."""
    (home / PAGE).write_text(page(), encoding="utf-8")
    (home / CONTEXT).write_text(context(), encoding="utf-8")


def _name(attribute: Attribute) -> str:
    return attribute.name


def _section(kind: EntityType) -> str:
    rows = "\n".join(_row(one) for one in kind.attributes)
    return (
        f"## {kind.name}: {kind.title}\n\n"
        f"Từ tập dữ liệu `{kind.dataset}`. Khóa: {kind.key}. Ví dụ: `{kind.example}`.\n\n"
        "| Thuộc tính | Loại | Giá trị | Có thời điểm | `unitCode` | Ý nghĩa | Nguồn |\n|---|---|---|---|---|---|---|\n"
        f"{rows}\n"
    )


def _row(one: Attribute) -> str:
    value = "định danh" if one.kind == "Relationship" else _VALUES[one.value]
    origin = f"`{one.origin}`" if one.origin.isascii() else one.origin
    observed = "có" if one.observed else ""
    return f"| `{one.name}` | {one.kind} | {value} | {observed} | {one.unit} | {one.title} | {origin} |"


_VALUES = {"text": "chữ", "number": "số", "integer": "số nguyên", "date": "ngày", "time": "thời điểm UTC"}


if __name__ == "__main__":
    write(ROOT)
