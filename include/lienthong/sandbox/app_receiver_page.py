"""What the app shows to people, in Vietnamese and without scripts: the communes, and the page of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

_SHELL = """<!doctype html>
<html lang="vi"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><style>
body {{ font: 17px/1.55 system-ui, sans-serif; margin: 0 auto; max-width: 46rem; padding: 1rem; color: #1b1b1b }}
h1 {{ font-size: 1.5rem }} h2 {{ font-size: 1.15rem; margin-top: 2rem }} a {{ color: #0b57a4 }}
ul.xa {{ columns: 14rem; list-style: none; padding: 0 }} ul.xa li {{ padding: .2rem 0 }}
dt {{ color: #555; font-size: .9em }} dd {{ margin: 0 0 .6rem }}
table {{ border-collapse: collapse; width: 100% }} td, th {{ border-bottom: 1px solid #ddd; padding: .4rem .5rem }}
th {{ text-align: left }} td.so {{ text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }}
.nho {{ color: #555; font-size: .9em }}
</style></head><body>{body}</body></html>"""
_NOTHING = "chưa có thông tin"


def communes(documents: Sequence[Mapping[str, Any]]) -> bytes:
    """The list of all communes, by name."""
    ordered = sorted(documents, key=lambda one: str(one.get("ten_xa")))
    lines = "".join(
        f'<li><a href="/xa/{escape(str(one.get("ma_xa")))}">{escape(str(one.get("ten_xa")))}</a></li>'
        for one in ordered
    )
    listed = f'<ul class="xa">{lines}</ul>' if lines else "<p>Chưa có xã, phường nào.</p>"
    return _page("Đắk Lắk số", f"<h1>Đắk Lắk số</h1><p>{len(ordered)} xã, phường đã có thông tin phục vụ.</p>{listed}")


def commune(document: Mapping[str, Any] | None) -> bytes:
    """The page of one commune, or the words that there is none."""
    back = '<p><a href="/">← Tất cả xã, phường</a></p>'
    if document is None:
        return _page("Không tìm thấy", f"{back}<h1>Không tìm thấy xã, phường này</h1>")
    name = escape(str(document.get("ten_xa")))
    hours: Mapping[str, Any] = document.get("gio_phuc_vu") or {}
    saturday = "Sáng thứ bảy có tiếp nhận hồ sơ." if hours.get("thu_bay") else "Không làm việc thứ bảy."
    facts = {
        "Nơi tiếp nhận": document.get("tru_so"),
        "Điện thoại": document.get("dien_thoai"),
        "Buổi sáng": hours.get("sang"),
        "Buổi chiều": hours.get("chieu"),
        "Số quầy": document.get("so_quay"),
    }
    lines = "".join(
        f"<dt>{title}</dt><dd>{escape(str(value)) if value is not None else _NOTHING}</dd>"
        for title, value in facts.items()
    )
    when = f"<p>{saturday}</p>" if hours.get("sang") else ""
    return _page(name, f"{back}<h1>{name}</h1><dl>{lines}</dl>{when}{_figures(document)}{_procedures(document)}")


def _figures(document: Mapping[str, Any]) -> str:
    shown = document.get("chi_so") or []
    month, upto = (_date(document.get(name)) for name in ("chi_so_cua_thang", "so_lieu_den_ngay"))
    head = f'<h2>Kết quả phục vụ</h2><p class="nho">Tháng {month}, số liệu đến ngày {upto}.</p>'
    rows = "".join(
        f"<tr><td>{escape(str(one.get('ten')))}</td><td class='so'>{escape(_value(one))}</td></tr>" for one in shown
    )
    return head + (f"<table>{rows}</table>" if rows else "<p>Chưa có chỉ số trong tháng này.</p>")


def _value(one: Mapping[str, Any]) -> str:
    value, unit = one.get("gia_tri"), str(one.get("don_vi_tinh") or "")
    if not isinstance(value, int | float):
        return "–"
    if unit == "%":
        of = f" ({_number(one.get('tu_so'))}/{_number(one.get('mau_so'))})" if one.get("mau_so") is not None else ""
        return f"{_number(round(value, 2))} %{of}"
    return f"{_number(value)} {unit}"


def _date(value: Any) -> str:
    """A day or month as it is written here: 30/09/2025."""
    return escape("/".join(reversed(str(value).split("-"))))


def _number(value: Any) -> str:
    """A number as it is written here: 3.500,25."""
    text = f"{value:,.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else f"{value:,}"
    return text.translate(str.maketrans(",.", ".,"))


def _procedures(document: Mapping[str, Any]) -> str:
    found: Sequence[Mapping[str, Any]] = document.get("thu_tuc_cap_xa") or []
    fields: dict[str, list[str]] = {}
    for one in found:
        fields.setdefault(str(one.get("linh_vuc")), []).append(escape(str(one.get("ten"))))
    parts = "".join(
        f"<details><summary>{escape(name)} ({len(names)})</summary><ul>{''.join(f'<li>{n}</li>' for n in names)}</ul>"
        "</details>"
        for name, names in sorted(fields.items())
    )
    return f"<h2>{len(found)} thủ tục cấp xã</h2>{parts}"


def _page(title: str, body: str) -> bytes:
    return _SHELL.format(title=title, body=body).encode("utf-8", "replace")
