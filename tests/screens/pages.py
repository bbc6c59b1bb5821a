"""Which pages have a picture, in the order in which they are shown, and the words beside them."""

from dataclasses import dataclass, field
from pathlib import Path

AWAY, ELEVEN = "H15.102", "H15.131"
FOLDER = Path(__file__).resolve().parents[2] / "docs" / "screens"


@dataclass(frozen=True)
class Page:
    """One page: its address, with names in braces for what ``asks`` of the database, and a sentence in each language.

    ``shows`` is a text for which a page that fills itself is waited for."""

    name: str
    address: str
    vi: str
    en: str
    asks: dict[str, str] = field(default_factory=dict)
    shows: str = ""

    @property
    def file(self):
        return f"{self.name}.webp"


CONSOLE = "{airflow}/lienthong"

PAGES = (
    Page("airflow", "{airflow}/", "Trang đầu của Airflow; «Liên Thông» ở thanh bên",
         "Airflow's first page; “Liên Thông” in the navigation leads to the console.", shows="Dag Runs"),
    Page("overview", CONSOLE + "/", "Tổng quan: đơn vị nào đang chậm, và vì sao",
         "Overview: which units are behind and why; what needs somebody first."),
    Page("unit", CONSOLE + f"/units/{ELEVEN}", "Một đơn vị: dữ liệu, vấn đề, bản ghi giữ, phiếu điểm",
         "One unit: what it gives, its problems, the rows held of it, its scorecard."),
    Page("dataset", CONSOLE + "/datasets/ho_so", "Một bộ dữ liệu: hợp đồng, các lượt chạy, quy tắc",
         "One dataset: its contract as a page, its runs, its rules."),
    Page("rule", CONSOLE + "/datasets/ho_so/rules/so_dinh_danh_hop_le", "Một quy tắc qua các kỳ",
         "One rule: its sentence, how often it was broken window by window, and by whom."),
    Page("quarantine", CONSOLE + f"/quarantine?dataset=ho_so&unit={ELEVEN}",
         "Bản ghi giữ: mười một hồ sơ của xã Ea Súp",
         "Quarantine: the eleven dossiers of one commune, with the reason of each."),
    Page("held", CONSOLE + "/quarantine/{number}", "Một bản ghi đang giữ và việc có thể làm",
         "One held row, masked: why it is held and what can be done.",
         {"number": "SELECT min(transition_id) FROM quarantine.transitions WHERE dataset = 'ho_so'"
                    f" AND source = '{ELEVEN}'"}),
    Page("endpoints", CONSOLE + "/endpoints", "Nơi nhận: chờ gửi, chưa rõ, bị từ chối",
         "Receivers: what waits, what is in doubt, what each refused."),
    Page("receipt", CONSOLE + "/endpoints?key={key}", "Biên nhận của một hồ sơ",
         "The receipts of one dossier, found by its code.",
         {"key": "SELECT min(record_key) FROM publish.receipts WHERE endpoint = 'national_portal'"
                 " AND dataset = 'ho_so' AND outcome = 'accepted'"}),
    Page("endpoint", CONSOLE + "/endpoints/national_portal", "Một nơi nhận và lời của nơi đó về bản ghi bị từ chối",
         "One receiver: its answers, and in its words why it refused a record."),
    Page("reconciliation", CONSOLE + "/reconciliation", "Đối soát: nơi nhận đang giữ gì so với kho dữ liệu",
         "Reconciliation: what the receivers hold beside what the warehouse holds."),
    Page("reconciliation-one", CONSOLE + "/reconciliation/national_portal", "Đối soát với Cổng Dịch vụ công quốc gia",
         "Reconciliation with one receiver: its datasets, what differs, how far the look has come."),
    Page("alerts", CONSOLE + "/alerts", "Cảnh báo: đã viết cho ai, đã gửi chưa",
         "Alerts: who was written to, and whether it has left."),
    Page("problems", CONSOLE + "/problems", "Vấn đề đang mở", "Open problems, by kind, dataset and unit."),
    Page("problem", CONSOLE + "/problems/{number}", "Một vấn đề: nguồn không đọc được, đã báo cho ai",
         "One problem: a source that cannot be read, since when, and who was told.",
         {"number": f"SELECT min(problem_id) FROM ops.problems WHERE kind = 'source_down' AND source = '{AWAY}'"}),
    Page("letter", "{mailbox}/thu/{letter}", "Thư mà xã Ea Súp nhận được (hộp thư của sandbox)",
         "The letter that the commune's office received, in the sandbox's mailbox."),
    Page("backfills", CONSOLE + "/backfills", "Chạy lại: yêu cầu đang mở và đã kết thúc",
         "Backfills: what is under way and what has ended."),
    Page("backfill-new", CONSOLE + "/backfills/new?dataset=ho_so&first=2025-09-30&last=2025-09-30&reprocess=1"
         f"&unit={ELEVEN}", "Yêu cầu chạy lại, với bản xem trước",
         "A new backfill with its preview: one day, one unit."),
    Page("backfill", CONSOLE + "/backfills/{number}", "Tiến độ của một yêu cầu chạy lại",
         "The progress of one backfill.",
         {"number": "SELECT max(backfill_id) FROM ops.backfills"}),
    Page("indicators", CONSOLE + "/indicators?period=2025-09", "Chỉ số điều hành",
         "Indicators: every figure with its target and its change."),
    Page("indicator", CONSOLE + "/indicators/dung_han_quoc_gia?period=2025-09", "Một chỉ số và từng đơn vị",
         "One indicator: its definition, its course and every unit."),
    Page("on-time", CONSOLE + "/on-time?period=2025-09", "Đúng hạn theo hai cách tính, và vì sao khác nhau",
         "On time by both definitions, and why they differ."),
    Page("index766", CONSOLE + "/index766?period=2025-09", "Chỉ số 766: bảng xếp hạng đơn vị",
         "The index of Decision 766: where every unit stands."),
    Page("activity", CONSOLE + "/activity", "Nhật ký: ai đã làm gì", "Activity: who did what."),
    Page("english", CONSOLE + "/?lang=en", "Trang tổng quan bằng tiếng Anh", "The overview in English."),
    Page("dag", "{airflow}/dags/ingest.ho_so", "Trang của một DAG trong Airflow",
         "The page of a DAG in Airflow.", shows="ingest.ho_so"),
    Page("dag-tab", "{airflow}/dags/ingest.ho_so/plugin/lienthong-dag", "Thẻ «Liên Thông» trên trang của một DAG",
         "The tab of the console on the page of a DAG.", shows="ingest.ho_so"),
)  # fmt: skip


def overview():
    """The page with all pictures."""
    parts = [
        "# Màn hình · Screens\n",
        "Ảnh chụp từ một lần chạy thật: tỉnh trong sandbox ngày 30/9/2025, cơ sở dữ liệu của một phường không kết nối"
        " được, mười một hồ sơ của một xã bị giữ lại. Dữ liệu là giả lập, không có người thật. Chụp lại toàn bộ:"
        " `make screens`.\n",
        "Taken from a real run: the sandboxed province on 30 September 2025, with the database of one ward away and"
        " eleven dossiers of one commune held back. The persons do not exist. `make screens` takes all of them anew.\n",
    ]
    for page in PAGES:
        parts.append(f"## {page.vi}\n\n{page.en}\n\n![{page.vi}]({page.file})\n")
    return "\n".join(parts)
