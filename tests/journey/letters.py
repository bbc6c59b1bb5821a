"""What arrived in the sandbox's mailbox, taken apart as a recipient's mail program and spreadsheet would."""

import io
import json
from dataclasses import dataclass
from email import policy
from email.parser import BytesParser


@dataclass(frozen=True)
class Arrived:
    """One letter: headers, both parts, and the lines of the attachment as mappings of heading to text."""

    to: str
    subject: str
    headers: str
    text: str
    html: str
    lines: tuple[dict[str, str], ...]
    message_id: str
    references: str
    kind: str

    @property
    def everything(self):
        return "\n".join([self.headers, self.text, self.html, json.dumps(self.lines, ensure_ascii=False)])


def arrived(folder):
    """Every letter in the order of arrival; each address has one, so the list is of mailboxes' contents."""
    return [letter(path.read_bytes()) for path in sorted((folder / "mail").glob("*.eml"))]


def deliveries(folder):
    """Every time that the server said 250, repetitions included: Message-IDs in order."""
    lines = (folder / "deliveries.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["delivery"]["message_id"] for line in lines]


def letter(content):
    message = BytesParser(policy=policy.default).parsebytes(content)
    books = [part for part in message.iter_attachments() if part.get_filename().endswith(".xlsx")]
    return Arrived(
        to=message["To"].addresses[0].addr_spec,
        subject=message["Subject"],
        headers="\n".join(f"{name}: {value}" for name, value in message.items()),
        text=message.get_body(("plain",)).get_content(),
        html=message.get_body(("html",)).get_content(),
        lines=tuple(line for book in books for line in lines(book.get_payload(decode=True))),
        message_id=message["Message-ID"],
        references=str(message.get("References", "")),
        kind=str(message.get("X-Lien-Thong-Kind", "")),
    )


def lines(content):
    from openpyxl import load_workbook

    sheet = load_workbook(io.BytesIO(content)).worksheets[0]
    assert all(cell.data_type != "f" for row in sheet.iter_rows() for cell in row), "a formula"
    header, *rows = [[str(cell or "") for cell in row] for row in sheet.values]
    return [dict(zip(header, row, strict=True)) for row in rows]
