"""What the centre holds, for people: entities by type and their newest values, in Vietnamese and without scripts."""

from __future__ import annotations

from datetime import datetime
from html import escape
from typing import Any
from zoneinfo import ZoneInfo

from lienthong.sandbox.centre_entities import Entity
from lienthong.sandbox.centre_store import CentreStore
from lienthong.settings import TIMEZONE

NEWEST = 50
FIRST = ("name", "value", "state", "numerator", "denominator")
"""Columns that stand before the others."""
HIDDEN = ("id", "type", "definition", "denominatorName", "indicator", "unit", "refUnit")
"""What would only repeat the key or fill the page."""
POLICY = (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'")
_SHELL = """<!doctype html>
<html lang="vi"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Trung tâm giám sát (môi trường thử)</title><style>
body {{ font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 76rem; padding: 0 1rem; color: #1b1b1b }}
.khung {{ overflow-x: auto }} table {{ border-collapse: collapse; width: 100%; margin-bottom: 2rem }}
th, td {{ border-bottom: 1px solid #d5d5d5; padding: .35rem .7rem; text-align: left; vertical-align: top }}
td:nth-child(2) {{ min-width: 12rem }}
td.so {{ text-align: right; font-variant-numeric: tabular-nums }} code {{ font-size: .9em }} .nho {{ color: #555 }}
</style></head><body><h1>Trung tâm giám sát, điều hành (môi trường thử)</h1>
<p>Trang này cho xem những thực thể NGSI-LD mà trung tâm đang giữ. Đây là nơi nhận thử nghiệm chạy trên máy này, không
phải trung tâm thật.</p>{body}</body></html>"""


def page(store: CentreStore, tenants: tuple[str, ...]) -> bytes:
    """The page of every tenant, the default one first."""
    parts = [_tenant(store, tenant) for tenant in ("", *tenants)]
    return _SHELL.format(body="".join(parts)).encode("utf-8", "replace")


def _tenant(store: CentreStore, tenant: str) -> str:
    counts = store.counts(tenant)
    name = f"Vùng dữ liệu <code>{escape(tenant)}</code>" if tenant else "Vùng dữ liệu mặc định"
    if not counts:
        return f"<h2>{name}</h2><p>Chưa có thực thể nào.</p>"
    rows = "".join(
        f'<tr><td><a href="#{escape(kind)}">{escape(kind)}</a></td><td class="so">{_number(count)}</td></tr>'
        for kind, count in counts.items()
    )
    table = f"<table><thead><tr><th>Loại</th><th>Số thực thể</th></tr></thead><tbody>{rows}</tbody></table>"
    return f'<h2>{name}</h2><div class="khung">{table}</div>' + "".join(
        _type(store, tenant, kind, count) for kind, count in counts.items()
    )


def _type(store: CentreStore, tenant: str, kind: str, count: int) -> str:
    newest = store.newest(tenant, kind, NEWEST)
    found = dict.fromkeys(name for entity, _ in newest for name in entity if name not in HIDDEN)
    names = sorted(found, key=lambda name: (FIRST.index(name) if name in FIRST else len(FIRST), name))
    shown = f"{len(newest)} thay đổi mới nhất trong {_number(count)}"
    heads = "".join(f"<th>{escape(name)}</th>" for name in ("Khóa", *names, "Nhận lúc"))
    rows = "".join(_row(entity, names, at) for entity, at in newest)
    return (
        f'<h3 id="{escape(kind)}"><code>{escape(kind)}</code></h3><p class="nho">{shown}</p>'
        f'<div class="khung"><table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>'
    )


def _row(entity: Entity, names: list[str], at: float) -> str:
    cells = "".join(_cell(entity.get(name)) for name in names)
    received = datetime.fromtimestamp(at, ZoneInfo(TIMEZONE)).strftime("%H:%M:%S %d/%m/%Y")
    key = entity["id"].removeprefix(f"urn:ngsi-ld:{entity['type']}:")
    return f'<tr title="{escape(entity["id"])}"><td><code>{escape(key)}</code></td>{cells}<td>{received}</td></tr>'


def _cell(attribute: Any) -> str:
    if not isinstance(attribute, dict):
        return "<td></td>"
    value = attribute.get("value", attribute.get("object"))
    unit = escape(str(attribute.get("unitCode", "")))
    hint = f' <span class="nho">{unit}</span>' if unit else ""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f'<td class="so">{_number(value)}{hint}</td>'
    return f"<td>{escape(str(value))}{hint}</td>"


def _number(value: float) -> str:
    text = f"{value:,}" if isinstance(value, int) else f"{value:,.4f}".rstrip("0").rstrip(".")
    return text.translate(str.maketrans(",.", ".,"))
