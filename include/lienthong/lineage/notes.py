"""The note of a run in Airflow: what became of the rows, in Vietnamese and in English; counts only.

Airflow shows it as Markdown beside the run. A person's own note is told from ours by the first line.
"""

from __future__ import annotations

from lienthong.lineage.facts import RunFacts
from lienthong.publishing import PublishReport

NAME = "Liên Thông"
LONGEST = 1000
"""Characters that Airflow takes."""


def ours(text: str) -> bool:
    """Whether a note is one of ours, so that a newer one may stand in its place."""
    return text.startswith((f"{NAME} ·", f"[{NAME}]("))


def of_ingest(facts: RunFacts, console: str) -> str:
    """The note of a run that promoted one day; ``console`` is the console's address, empty for none."""
    vi = [f"{_vi(facts.sources)} nguồn", f"đọc {_vi(facts.read)}", f"nhận {_vi(facts.taken)}"]
    noun = "source" if facts.sources == 1 else "sources"
    en = [f"{_en(facts.sources)} {noun}", f"{_en(facts.read)} read", f"{_en(facts.taken)} accepted"]
    for count, in_vi, in_en in (
        (facts.inserted, "mới", "new"),
        (facts.updated, "sửa", "changed"),
        (facts.deleted, "xóa", "deleted"),
        (facts.held, "giữ lại", "held"),
        (len(facts.missing), "nguồn không trả lời", "sources without an answer"),
        (len(facts.blocked), "nguồn bị chặn", "sources blocked"),
    ):
        if count:
            vi.append(f"{in_vi} {_vi(count)}")
            en.append(f"{in_en} {_en(count)}")
    some = (" (chỉ một số nguồn)", " (some sources only)") if facts.partial else ("", "")
    return _note(
        console, f"datasets/{facts.dataset}", f"{facts.day}{some[0]}: {', '.join(vi)}", ", ".join(en) + some[1]
    )


def of_publish(endpoint: str, done: PublishReport, console: str) -> str:
    """The note of a run that sent to a receiver; empty when there was nothing to send."""
    if not (done.requests or done.pending or done.in_doubt):
        return ""
    vi, en = [], []
    for count, in_vi, in_en in (
        (done.sent, "gửi", "sent"),
        (done.accepted, "được nhận", "accepted"),
        (done.refused, "bị từ chối", "refused"),
        (done.in_doubt, "chưa rõ kết quả", "in doubt"),
        (done.dead, "không gửi lại được", "dead"),
        (done.pending, "chờ gửi", "waiting"),
    ):
        if count or in_en in ("sent", "accepted"):
            vi.append(f"{in_vi} {_vi(count)}")
            en.append(f"{in_en} {_en(count)}")
    return _note(console, f"endpoints/{endpoint}", ", ".join(vi), ", ".join(en))


def _note(console: str, place: str, vi: str, en: str) -> str:
    name = f"[{NAME}]({console}/{place})" if console else NAME
    return f"{name} · {vi}.\n\n{en[:1].upper()}{en[1:]}."[:LONGEST]


def _vi(count: int) -> str:
    return f"{count:,}".replace(",", ".")


def _en(count: int) -> str:
    return f"{count:,}"
