"""What a new user finds in the browser without the manual, from Airflow's sign-in on, by mouse and keyboard alone.

One installation, and a province day on it: one commune's database is away, another one's eleven dossiers are rejected.
The truth is the sandbox's, the portal's own log and the ledger. The tests are one visit, told in its order; any error
in the browser's console on any page ends it.
"""

import re
from datetime import date, timedelta

import pytest

from lienthong.contracts import load_all
from lienthong.services import control
from lienthong.services.keys import USER, load
from lienthong.settings import ROOT

from ..console.browser import CHROMIUM, browser
from ..console.visitor import Visitor
from ..journey.conftest import DAY, Installation

pytestmark = [
    pytest.mark.services,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: nothing can be clicked"),
]
CONTRACTS = load_all(ROOT / "expectations")
AWAY, ELEVEN = "H15.102", "H15.131"
# The smallest province of which that commune receives enough dossiers for eleven planted faults.
VOLUME = "0.2"
# Airflow's own page asks for its configuration before it knows that nobody has signed in.
BEFORE_SIGN_IN = re.compile(r"status of 401 \(Unauthorized\) http://127\.0\.0\.1:\d+/ui/config$")


@pytest.fixture(scope="module")
def installation(tmp_path_factory):
    found = Installation(tmp_path_factory.mktemp("clicking") / "var", LIENTHONG_SANDBOX_VOLUME=VOLUME)
    try:
        up = found.command("up", "--detach")
        assert up.returncode == 0, (up.stdout + up.stderr)[-3000:]
        found.trouble("down", AWAY)
        found.run_day(DAY)
        yield found
    finally:
        found.command("down", timeout=120)


@pytest.fixture(scope="module")
def visitor(installation, tmp_path_factory):
    """A person who has signed in and has come into the console through Airflow's navigation."""
    with browser(tmp_path_factory.mktemp("browser")) as chromium:
        one = Visitor(chromium)
        chromium.open(control.running(installation.folders)["address"] + "/", 1280, 900)
        one.fill("Username", USER)
        one.fill("Password", load(installation.folders.secrets).admin)
        one.click("Sign in")
        one.sees("Dag Runs")
        assert [said for said in chromium.complaints if not BEFORE_SIGN_IN.search(said)] == []
        chromium.complaints.clear()
        one.click("Liên Thông")
        one.arrives("Đơn vị nào đang chậm, và vì sao")
        yield one


@pytest.fixture(autouse=True)
def _no_complaint(visitor):
    yield
    visitor.browser.listen()
    assert visitor.browser.complaints == []


def name_of(installation, code):
    return installation.rows("SELECT ten_don_vi FROM core.don_vi WHERE ma_don_vi = %s", code)[0][0]


def tells(shown, rule):
    """Whether a page shows what the contract says of a rule; a long sentence may be cut where a list has it."""
    [sentence] = [" ".join(one.sentence.split()) for one in CONTRACTS["ho_so"].rules if one.id == rule]
    start, cut, _ = shown.partition("…")
    return sentence in shown or (cut and len(start) > 200 and sentence.startswith(start))


def test_which_communes_are_behind_and_why(installation, visitor):
    missing = installation.rows(
        "SELECT DISTINCT b.source, r.dataset, b.reason FROM ops.batches b JOIN ops.runs r USING (run_id)"
        " WHERE b.state = 'missing'"
    )
    assert {source for source, _, _ in missing} == {AWAY}, "the one whose database was taken away"
    [tile] = re.findall(r"Đơn vị thiếu dữ liệu (\d+) / (\d+)", visitor.text)
    assert tile == ("1", str(len(installation.rows("SELECT FROM core.don_vi"))))
    behind = [row for row in visitor.rows("Đơn vị và dữ liệu") if any("không đọc được" in cell for cell in row)]
    commune = name_of(installation, AWAY)
    assert [row[0] for row in behind] == [f"{commune} {AWAY}"]
    for dataset in {dataset for _, dataset, _ in missing}:
        assert CONTRACTS[dataset].title in visitor.text

    visitor.click(commune, under="Đơn vị và dữ liệu")
    visitor.arrives(commune)
    [(number,)] = installation.rows(
        "SELECT problem_id FROM ops.problems WHERE source = %s AND dataset = 'ho_so' AND kind = 'source_down'"
        " AND closed_at IS NULL", AWAY
    )  # fmt: skip
    visitor.click(f"#{number}", under="Vấn đề đang mở")
    visitor.arrives(f"#{number}")
    visitor.sees("30/09/2025", commune, *{" ".join(reason.split()) for _, name, reason in missing if name == "ho_so"})
    letters = installation.rows(
        "SELECT letter_id::text FROM ops.letters WHERE unit = %s AND state = 'sent' AND kind = 'immediate'", AWAY
    )
    told = {row[0]: row for row in visitor.rows("Thư đã viết")}
    assert letters
    for (letter,) in letters:
        assert AWAY in told[letter][1]
        assert "đã gửi" in told[letter][-1]


def test_the_eleven_rejected_dossiers_of_one_commune_and_their_reasons(installation, visitor):
    planted = {
        fault["record_key"]: fault["expected"]["rule"].split(".")[1]
        for fault in installation.truth()
        if fault["source"] == ELEVEN and fault["dataset"] == "ho_so" and "rule" in fault["expected"]
    }
    assert len(planted) == 11
    commune = name_of(installation, ELEVEN)
    visitor.click("Tổng quan")
    visitor.arrives("Đơn vị nào đang chậm")
    visitor.click(commune, under="Đơn vị và dữ liệu")
    visitor.arrives(commune)
    visitor.click("11", row=CONTRACTS["ho_so"].title, under="Dữ liệu của đơn vị")
    visitor.arrives("Bản ghi đang giữ lại")
    held = {row[0]: row for row in visitor.rows("Từng bản ghi")}
    assert set(held) == set(planted)
    for key, rule in planted.items():
        assert tells(held[key][2], rule), (key, rule)
        assert commune in held[key][1]
    # and one of them by itself, with what its unit can do
    key, rule = min(planted.items())
    visitor.click(key)
    visitor.arrives(key)
    visitor.sees(rule, "Đơn vị sửa tại phần mềm của mình")
    assert tells(visitor.text, rule)


def test_the_receipt_of_one_dossier(installation, visitor):
    effect = next(one for one in installation.portal().effects() if one.effect and one.kind == "create")
    code = effect.record_key
    receipts = installation.rows(
        "SELECT place, request_id, hash, body_sha256 FROM publish.receipts WHERE endpoint = 'national_portal'"
        " AND record_key = %s AND outcome = 'accepted'", code
    )  # fmt: skip
    [(place, request_id, seal, _)] = [one for one in receipts if one[3] == effect.sha256]
    visitor.click("Nơi nhận")
    visitor.arrives("Nơi nhận dữ liệu")
    visitor.fill("Mã hồ sơ hoặc mã bản ghi", code)
    visitor.click("Tìm")
    visitor.sees(code, "biên nhận, mới nhất trước")
    found = [row for row in visitor.rows("Tìm biên nhận") if row[1].split()[0] == code]
    assert [row[0] for row in found] == ["được nhận"] * len(receipts)
    assert "Cổng Dịch vụ công quốc gia" in found[0][2]
    visitor.click("chi tiết", row=f"{code} {CONTRACTS['ho_so'].title}")
    shown = visitor.text.replace(".", "")
    visitor.sees(request_id, seal)
    assert f"biên nhận số {place}" in shown


def test_how_to_rerun_last_tuesday_for_one_commune(installation, visitor):
    commune = name_of(installation, ELEVEN)
    newest = dict(installation.rows("SELECT dataset, max(run_id) FROM ops.runs GROUP BY dataset"))
    visitor.click("Tổng quan")
    visitor.arrives("Đơn vị nào đang chậm")
    [shown] = re.findall(r"Tính đến \d\d:\d\d (\d\d)/(\d\d)/(\d{4})", visitor.text)
    today = date(int(shown[2]), int(shown[1]), int(shown[0]))
    tuesday = today - timedelta(days=(today.weekday() - 1) % 7 or 7)
    visitor.click(commune, under="Đơn vị và dữ liệu")
    visitor.arrives(commune)
    visitor.click("đọc lại ngày đã qua của đơn vị này")
    visitor.arrives("Yêu cầu chạy lại")
    visitor.choose("Đơn vị", ELEVEN)
    visitor.fill_day("Ngày đầu", tuesday)
    visitor.fill_day("Ngày cuối", tuesday)
    visitor.tick(CONTRACTS["ho_so"].title)
    visitor.click("Xem trước")
    visitor.sees("Không còn gì để chạy", "đọc lại cả ngày đã đủ")
    visitor.tick("đọc lại cả ngày đã đủ")
    visitor.click("Xem trước")
    visitor.sees("Sẽ chạy gì", f"Chỉ đọc {ELEVEN}")
    [line] = visitor.rows("Sẽ chạy gì")
    assert line[0].startswith(CONTRACTS["ho_so"].title)
    assert line[1:3] == ["1", f"{tuesday:%d/%m/%Y}"]
    visitor.click("Xác nhận: chạy 1 ngày")
    visitor.sees("Đã xếp hàng")
    number = re.search(r"#(\d+)", visitor.heading)[0]

    def ended():
        """Looked at again, as a person does who waits."""
        visitor.click("Chạy lại", selector="nav a")
        visitor.arrives("Chạy lại các ngày đã qua")
        return number in [row[0] for row in visitor.rows("Đã kết thúc")]

    visitor.until(ended, 240, f"the end of the rerun {number}")
    visitor.click(number, under="Đã kết thúc")
    visitor.sees("1 / 1 ngày đã xong", "đã kết thúc", commune)

    after = installation.rows(
        "SELECT r.dataset, r.run_id, r.kind, r.state, (r.window_start AT TIME ZONE 'Asia/Ho_Chi_Minh')::date, b.source,"
        " b.state FROM ops.runs r JOIN ops.batches b USING (run_id) WHERE r.backfill_id = %s", int(number[1:])
    )  # fmt: skip
    [(dataset, run, kind, state, day, source, read)] = after
    assert (dataset, kind, state, day, source, read) == ("ho_so", "read", "promoted", tuesday, ELEVEN, "landed")
    assert run > newest["ho_so"]
    [(by,)] = installation.rows("SELECT asked_by FROM ops.backfills WHERE backfill_id = %s", int(number[1:]))
    assert by.casefold() == USER
