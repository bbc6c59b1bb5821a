"""The bodies of answers, of which ``models`` tells the form. Records come as JSON from the server and go as they came:
no number passes through a float, and a page costs no object per value."""

from __future__ import annotations

import json
from typing import Any

from lienthong.contracts import Contract
from lienthong.share.reading import Page
from lienthong.share.shape import SHOWN, Shape
from lienthong.share.shelf import Manifest
from lienthong.warehouse.versions import Version


def page(head: dict[str, Any], found: Page) -> str:
    """A page: its head, its items, and the mark of the next one."""
    items = ",".join(map(_item, found.rows))
    told = json.dumps(head | {"next": found.next.text() if found.next else None}, ensure_ascii=False)
    return f'{told[:-1]}, "items": [{items}]}}'


def record(head: dict[str, Any], row: dict[str, Any]) -> str:
    """One record."""
    return f'{json.dumps(head, ensure_ascii=False)[:-1]}, "item": {_item(row)}}}'


def _item(row: dict[str, Any]) -> str:
    key = json.dumps(row["key"], ensure_ascii=False)
    deleted = "true" if row["deleted"] else "false"
    return (
        f'{{"key": {key}, "version": {row["version"]}, "change": {row["change"]}, "deleted": {deleted}, '
        f'"record": {row["record"] or "null"}}}'
    )


def line(contract: Contract, version: Version) -> dict[str, Any]:
    """A dataset in the list."""
    changed_at = version.changed_at.isoformat() if version.changed_at else None
    return {
        "dataset": contract.dataset, "title": contract.title, "version": version.number, "changed_at": changed_at,
    }  # fmt: skip


def dataset(shape: Shape, version: Version) -> dict[str, Any]:
    """The description of a dataset, as a ceiling sees it; the codes of a column only where its values are shown."""
    contract = shape.contract
    return line(contract, version) | {
        "purpose": contract.purpose,
        "contract_version": contract.version,
        "owner": contract.owner,
        "support": [channel.address for channel in contract.support if channel.tool == "email"],
        "master": contract.master,
        "shared_database": contract.shared_database,
        "content": contract.content,
        "columns": [
            {
                "name": column.name, "type": column.type, "title": column.title,
                "classification": column.classification, "access": shape.access(column),
                "key": column.name in contract.key,
                "codes": dict(column.codes) if shape.access(column) == SHOWN else {},
            }
            for column in contract.columns
        ],
    }  # fmt: skip


def exports(manifest: Manifest) -> list[dict[str, Any]]:
    """The files of one export."""
    return [
        {
            "file": file.name, "media_type": file.media_type, "version": manifest.version, "rows": manifest.rows,
            "bytes": file.bytes, "sha256": file.sha256, "made_at": manifest.made_at.isoformat(),
            "masked": list(manifest.masked),
        }
        for file in manifest.files
    ]  # fmt: skip
