"""The description as one plain page: no script, no picture, nothing that would be loaded from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_STYLE = (
    "body{font:16px/1.5 sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}"
    "code{background:#f2f2f2;padding:.1rem .3rem}h2{margin-top:2rem;font-size:1.1rem}"
    "table{border-collapse:collapse}td,th{border:1px solid #ccc;padding:.2rem .6rem;text-align:left}"
)


def render(told: Mapping[str, Any]) -> str:
    """An OpenAPI description as HTML in Vietnamese."""
    parts = [
        f"<h1>{escape(told['info']['title'])}</h1><p>{escape(told['info']['description'])}</p>",
        '<p>Mô tả cho chương trình: <a href="openapi.json">openapi.json</a>. Mã truy cập gửi trong tiêu đề '
        "<code>Authorization: Bearer …</code>.</p>",
    ]
    for path, methods in told["paths"].items():
        for method, operation in methods.items():
            parts.append(_operation(path, method, operation))
    return (
        '<!doctype html><html lang="vi"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{escape(told['info']['title'])}</title><style>{_STYLE}</style></head><body>{''.join(parts)}</body></html>"
    )


def _operation(path: str, method: str, operation: Mapping[str, Any]) -> str:
    parts = [
        f"<h2>{escape(operation.get('summary', ''))}</h2><p><code>{escape(method.upper())} {escape(path)}</code></p>",
        f"<p>{escape(operation.get('description', ''))}</p>",
    ]
    parameters = operation.get("parameters", [])
    if parameters:
        rows = "".join(
            f"<tr><td><code>{escape(one['name'])}</code></td><td>{escape(_limits(one.get('schema', {})))}</td>"
            f"<td>{escape(one.get('description', ''))}</td></tr>"
            for one in parameters
        )
        parts.append(f"<table><tr><th>Tham số</th><th>Giới hạn</th><th>Ý nghĩa</th></tr>{rows}</table>")
    answers = ", ".join(
        f"{escape(status)} {escape(answer.get('description', ''))}" for status, answer in operation["responses"].items()
    )
    parts.append(f"<p>Trả lời: {answers}.</p>")
    return "".join(parts)


def _limits(schema: Mapping[str, Any]) -> str:
    words = {"minimum": "từ", "maximum": "đến", "maxLength": "tối đa ký tự", "default": "mặc định"}
    return ", ".join(f"{word} {schema[name]}" for name, word in words.items() if schema.get(name) not in (None, ""))
