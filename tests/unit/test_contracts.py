"""A contract file is read whole or refused with its file and line; nothing that it says is silently ignored."""

import re
import shutil
from pathlib import Path

import pytest

from lienthong.contracts import MOST_RULES, load, load_all
from lienthong.errors import ContractError

ROOT = Path(__file__).resolve().parents[2]
PROCEDURES = ROOT / "expectations" / "cuc_kiem_soat_tthc" / "thu_tuc.odcs.yaml"
DOSSIERS = ROOT / "expectations" / "van_phong_ubnd" / "ho_so.odcs.yaml"
STEPS = ROOT / "expectations" / "van_phong_ubnd" / "tien_trinh.odcs.yaml"
POOR = ROOT / "expectations" / "so_nong_nghiep_moi_truong" / "ho_ngheo.odcs.yaml"
# The whole block of whom to write to.
SUPPORT = re.search(r"support:\n(?:  .*\n)+", PROCEDURES.read_text(encoding="utf-8"))[0]
# The head of a rule about a window.
WARNED = re.search(r"severity: warn\n.*\n.*\n *Số bước", STEPS.read_text(encoding="utf-8"))[0]
PUBLIC = "        classification: public"


@pytest.fixture
def refusal(tmp_path):
    """Change a text in a contract, once, and give the line of the change and the error that loading it raises."""

    def change(path, old, new):
        text = path.read_text(encoding="utf-8")
        start = text.index(old)
        line = text[:start].count("\n") + 1
        copy = tmp_path / path.name
        copy.write_text(text[:start] + new + text[start + len(old) :], encoding="utf-8")
        with pytest.raises(ContractError) as caught:
            load(copy)
        return line, str(caught.value)

    return change


def test_every_contract_is_read_and_stands_behind_what_it_refers_to(contracts):
    assert {"don_vi", "thu_tuc", "ho_so", "tien_trinh"} <= set(contracts)
    order = list(contracts)
    for contract in contracts.values():
        assert all(order.index(name) < order.index(contract.dataset) for name in contract.waits_for)
    assert contracts["tien_trinh"].references == ("don_vi", "ho_so")


def test_a_contract_says_what_machinery_needs(contracts):
    dossiers, steps, units, procedures = (contracts[name] for name in ("ho_so", "tien_trinh", "don_vi", "thu_tuc"))
    assert dossiers.key == ("ma_ho_so",)
    assert steps.key == ("ma_ho_so", "thoi_diem_xu_ly", "trang_thai")
    assert {c.order_key for c in (dossiers, steps)} == {"ma_ho_so"}
    assert {c.cursor for c in (dossiers, steps)} == {"cap_nhat_luc"}
    assert {c.endpoints for c in (dossiers, steps)} == {("national_portal",)}
    assert {c.master for c in (units, procedures)} == {"national"}
    assert {c.mode for c in (units, procedures)} == {"snapshot"}
    assert dossiers.source.name_for("H15.102") == "unit_h15_102"
    assert (procedures.source.connection, procedures.source.reader) == ("national_portal", "catalogue")
    assert (units.source.connection, units.source.reader, units.source.for_each) == ("danh_muc", None, None)


def test_a_sensitive_column_leaves_only_where_the_contract_names_it(contracts):
    poor = contracts["ho_ngheo"]
    assert poor.send_sensitive == ("chu_ho", "so_dinh_danh")
    sent = {column.name for column in poor.sent_columns}
    assert set(poor.names) - sent == {"dan_toc", "nguyen_nhan"}
    assert set(poor.as_counterpart.names) == sent, "the platform is compared by what it was sent"
    assert contracts["doanh_nghiep"].as_counterpart.names == contracts["doanh_nghiep"].names


def test_presence_type_codes_key_and_characters_are_derived(contracts):
    derived = {rule.id: rule for rule in contracts["tien_trinh"].rules if rule.derived}
    assert set(derived) == {
        "ma_ho_so_bat_buoc", "thoi_diem_xu_ly_bat_buoc", "trang_thai_bat_buoc", "nguoi_xu_ly_bat_buoc",
        "cap_nhat_luc_bat_buoc", "thoi_diem_xu_ly_dung_kieu", "ngay_bat_dau_dung_kieu",
        "ngay_ket_thuc_theo_quy_dinh_dung_kieu", "cap_nhat_luc_dung_kieu", "trang_thai_trong_danh_muc",
        "khoa_duy_nhat", "ky_tu_hop_le",
    }  # fmt: skip
    assert {rule.severity for rule in derived.values()} == {"quarantine"}
    assert derived["trang_thai_trong_danh_muc"].arguments["values"] == [str(n) for n in range(1, 11)]
    assert "10 (Đã trả kết quả)" in derived["trang_thai_trong_danh_muc"].sentence
    assert derived["khoa_duy_nhat"].columns == contracts["tien_trinh"].key
    assert "ma_ho_so_duy_nhat" in {rule.id for rule in contracts["ho_so"].rules}


@pytest.mark.parametrize(
    ("path", "old", "new", "named"),
    [
        pytest.param(PROCEDURES, "servers:", "server:", "'server'", id="top"),
        pytest.param(PROCEDURES, "    tool: email", "    tools: email", "'tools'", id="support"),
        pytest.param(PROCEDURES, "    driver: operational", "    drivers: operational", "'drivers'", id="level"),
        pytest.param(PROCEDURES, "property: reader", "property: readers", "'readers'", id="server property"),
        pytest.param(PROCEDURES, "property: deleteBrake", "property: deletebrake", "'deletebrake'", id="property"),
        pytest.param(PROCEDURES, "    businessName: Thủ tục", "    bussinessName: T", "'bussinessName'", id="table"),
        pytest.param(PROCEDURES, "        primaryKey:", "        primarykey:", "'primarykey'", id="column"),
        pytest.param(PROCEDURES, "property: codes", "property: code", "'code'", id="column property"),
        pytest.param(PROCEDURES, "            severity:", "            severty:", "'severty'", id="rule of a column"),
        pytest.param(STEPS, "        engine: lienthong\n        severity", "        engin: lienthong\n        severity",
                     "'engin'", id="rule of the table"),
        pytest.param(PROCEDURES, "pattern:", "patern:", "'patern'", id="argument"),
        pytest.param(DOSSIERS, "dataset: thu_tuc", "datasets: thu_tuc", "'datasets'", id="argument of a reference"),
        pytest.param(STEPS, "columns: [trang_thai", "colums: [trang_thai", "'colums'", id="columns"),
    ],
)  # fmt: skip
def test_a_misspelt_key_is_refused_with_file_and_line(refusal, path, old, new, named):
    line, message = refusal(path, old, new)
    shift = new[: new.index(named.strip("'"))].count("\n")
    assert re.match(rf"{re.escape(path.name)}:{line + shift}: ", message), message
    assert named in message


@pytest.mark.parametrize(
    ("path", "old", "new", "said"),
    [
        pytest.param(PROCEDURES, "kind: matches", "kind: match", "kind is not one of", id="kind"),
        pytest.param(PROCEDURES, "severity: warn", "severity: warning", "'warning' is not one of", id="severity"),
        pytest.param(PROCEDURES, "dimension: conformity", "dimension: valid", "'valid' is not one of", id="dimension"),
        pytest.param(PROCEDURES, "classification: public", "classification: open", "'open' is not one of", id="class"),
        pytest.param(PROCEDURES, "logicalType: number", "logicalType: object", "'object' is not one of", id="type"),
        pytest.param(PROCEDURES, "value: snapshot", "value: whole", "mode must be one of", id="mode"),
        pytest.param(PROCEDURES, "value: national\n", "value: nation\n", "master must be one of", id="master"),
        pytest.param(PROCEDURES, "value: 0.2", "value: 20", "must be a share from 0 to 1", id="share"),
        pytest.param(DOSSIERS, "value: [national_portal]", "value: national_portal", "must be a list", id="endpoints"),
        pytest.param(DOSSIERS, "value: cap_nhat_luc", "value: cap_nhat", "'cap_nhat' is not a column", id="cursor"),
        pytest.param(DOSSIERS, "value: unit_{member}", "value: unit", "go together", id="member"),
        pytest.param(PROCEDURES, "apiVersion: v3.1.0", "apiVersion: v3.0.2", "must be v3.1.0", id="version"),
        pytest.param(PROCEDURES, "id: thu_tuc", "id: thu_tucs", "must be the file's name", id="id"),
        pytest.param(PROCEDURES, "  name: Cục Kiểm soát thủ tục hành chính\n", "", "team.name is missing", id="owner"),
        pytest.param(PROCEDURES, SUPPORT, "support: []\n", "'support' is missing", id="support"),
        pytest.param(POOR, "value: [chu_ho, so_dinh_danh]", "value: [chu_ho, thon_buon]", "of class sensitive",
                     id="column that is not sensitive"),
        pytest.param(POOR, "value: [chu_ho, so_dinh_danh]", "value: chu_ho", "of class sensitive", id="no list"),
        pytest.param(POOR, "value: [shared_platform]", "value: []", "no effect without endpoints", id="sent to nobody"),
        pytest.param(PROCEDURES, "max: 2000", "max: lots", "'max' must be a whole number", id="number"),
        pytest.param(PROCEDURES, "pattern: ^[0-9]\\.", "pattern: (^[0-9]\\.", "regular expression", id="pattern"),
        pytest.param(PROCEDURES, "values: [Giờ,", "values: [1,", "must be a list of texts", id="values"),
        pytest.param(PROCEDURES, 'value: {"0": Không,', "value: {0: Không,", "codes must map", id="codes as numbers"),
        pytest.param(STEPS, '["2", "3", "7"]', '["2", "3", "70"]', "codes that the map knows", id="transitions"),
        pytest.param(STEPS, "t.trang_thai = '1'", "t.trang_thai = :one", "without :parameters", id="bound value"),
        pytest.param(STEPS, "columns: [ngay_bat_dau, thoi_diem_xu_ly]", "columns: [ngay_bat_dau]",
                     "takes 2 column(s), found 1", id="one column for two"),
        pytest.param(DOSSIERS, "at: ngay_tiep_nhan", "at: ngay_nhan", "'ngay_nhan', which is no column", id="date"),
        pytest.param(STEPS, "columns: [trang_thai, noi_dung_xu_ly]", "columns: [trang_thai, noi_dung]",
                     "'noi_dung', which is no column", id="column of a rule"),
        pytest.param(STEPS, "- id: co_ly_do", "- id: chuan_unicode", "'chuan_unicode' stands twice", id="rule twice"),
        pytest.param(PROCEDURES, "- name: ten_linh_vuc", "- name: ma_linh_vuc", "'ma_linh_vuc' stands twice",
                     id="column twice"),
        pytest.param(STEPS, WARNED, WARNED.replace("warn", "quarantine"), "severity is block or warn", id="set aside"),
        pytest.param(STEPS, "kind: row_count", "kind: row_count\n          columns: [ma_ho_so]",
                     "takes 0 column(s), found 1", id="a column too many"),
        pytest.param(STEPS, "kind: row_count", "kind: row_count\n          per: unit", "source, dataset", id="per"),
        pytest.param(STEPS, "rise: 0.3", "rise: 30", "'rise' must be a share", id="rise"),
        pytest.param(STEPS, "rise: 0.3", "min_rows: 30", "needs 'max', 'rise' or both", id="no limit"),
        pytest.param(DOSSIERS, 'to: "17:00"', "to: 17:00", "a time of day in quotes", id="time without quotes"),
        pytest.param(DOSSIERS, 'from: "07:00"', 'from: "18:00"', "must be earlier than", id="times in the wrong order"),
        pytest.param(DOSSIERS, '              to: "17:00"\n', "", "'from' and 'to' go together", id="half a limit"),
        pytest.param(DOSSIERS, "after: ngay_tiep_nhan", "after: ma_ho_so", "type timestamp, 'ma_ho_so' is string",
                     id="time after a text"),
        pytest.param(DOSSIERS, "max_age_hours: 13", "max_age_hours: 0", "a number of hours above 0", id="hours"),
        pytest.param(PROCEDURES, "kind: between\n              min: 0\n              max: 1000", "kind: phone",
                     "takes a column of type string", id="type of a column"),
        pytest.param(PROCEDURES, "kind: length\n              min: 5\n              max: 2000",
                     "kind: drift\n              max: 0.5", "takes a column with codes", id="drift without codes"),
        pytest.param(PROCEDURES, PUBLIC, f"{PUBLIC}\n        required: false", "'required' stands twice", id="twice"),
        pytest.param(PROCEDURES, "primaryKey: true", "primaryKey: false", "no column is marked", id="no key"),
        pytest.param(PROCEDURES, "- name: ten_tthc", "- name: Ten_TTHC", "expected lower-case", id="column name"),
        pytest.param(PROCEDURES, "name: thu_tuc\n    logicalType: object", "name: thu_tuc\n    logicalType: [",
                     "not YAML", id="yaml"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_refused_in_one_sentence(refusal, path, old, new, said):
    _, message = refusal(path, old, new)
    assert re.match(rf"{re.escape(path.name)}:[0-9]+: ", message), message
    assert said in message


@pytest.mark.parametrize("key", ["unique: true", "logicalTypeOptions: {maxLength: 9}", "encryptedName: x"])
def test_a_promise_that_nothing_keeps_is_refused(refusal, key):
    line, message = refusal(PROCEDURES, "        examples: [G03-GD10]", f"        {key}")
    assert message.startswith(f"thu_tuc.odcs.yaml:{line}: {key.split(':')[0]!r} has no effect here")


def test_more_rules_than_one_scan_can_mark_are_refused(refusal):
    extra = "\n".join(
        f"          - {{id: r{n}, type: custom, engine: lienthong, severity: warn, dimension: accuracy, description: d,"
        " implementation: {kind: length, max: 9}}"
        for n in range(MOST_RULES + 1)
    )
    _, message = refusal(
        PROCEDURES, "        quality:\n          - id: ten", f"        quality:\n{extra}\n          - id: ten"
    )
    assert f"at most {MOST_RULES}" in message


def test_an_empty_or_broken_file_is_refused(tmp_path):
    path = tmp_path / "thu_tuc.odcs.yaml"
    for content, said in ((b"", "None is not of type"), (b"\xff\xfe", "not UTF-8"), (b"- 1\n", "is not of type")):
        path.write_bytes(content)
        with pytest.raises(ContractError, match=said):
            load(path)


@pytest.fixture
def folder(tmp_path):
    """A copy of all contracts that a test may spoil."""
    return Path(shutil.copytree(ROOT / "expectations", tmp_path / "expectations"))


def spoil(folder, path, old, new):
    copy = folder / path.parent.name / path.name
    text = copy.read_text(encoding="utf-8")
    assert old in text
    copy.write_text(text.replace(old, new), encoding="utf-8")


@pytest.mark.parametrize(
    ("path", "old", "new", "said"),
    [
        (DOSSIERS, "dataset: thu_tuc", "dataset: thu_tucs", "refers to 'thu_tucs', which no contract describes"),
        (DOSSIERS, "dataset: thu_tuc", "dataset: thu_tuc\n              column: ma", "looks for 'ma' in thu_tuc"),
        (DOSSIERS, "names: [ten_don_vi, ten_tren_cong]", "names: [ten]", "looks for 'ten' in don_vi"),
        (DOSSIERS, "dataset: don_vi\n              at", "dataset: thu_tuc\n              at", "looks for 'ma_don_vi'"),
        (DOSSIERS, "dataset: thu_tuc", "dataset: tien_trinh\n              column: ma_ho_so", "in a circle"),
    ],
)
def test_a_reference_that_leads_nowhere_is_refused(folder, path, old, new, said):
    spoil(folder, path, old, new)
    with pytest.raises(ContractError, match=said):
        load_all(folder)


def test_a_dataset_has_one_contract(folder):
    shutil.copytree(folder / "so_noi_vu", folder / "so_khac")
    with pytest.raises(ContractError, match="'don_vi' already stands"):
        load_all(folder)


def test_a_changed_file_is_read_anew(folder):
    before = load_all(folder)
    assert load_all(folder)["don_vi"] is before["don_vi"], "an unchanged one is not"
    spoil(folder, PROCEDURES, "name: Danh mục thủ tục hành chính", "name: Danh mục thủ tục")
    after = load_all(folder)
    assert after["thu_tuc"].title == "Danh mục thủ tục"
    assert after["don_vi"] is before["don_vi"]


def test_a_folder_without_contracts_is_refused(tmp_path):
    with pytest.raises(ContractError, match="Is the folder complete"):
        load_all(tmp_path)


def test_every_mistake_of_every_file_is_told_at_once_with_its_line(folder):
    places = {}
    for path, changes in {
        PROCEDURES: [("value: snapshot", "value: snapshots"), ("mailto:kiemsoattthc@", "kiemsoattthc@"),
                     ("kind: matches", "kind: match"), ("logicalType: string", "logicalType: text")],
        STEPS: [("classification: personal", "classification: secret"), ("id: tien_trinh", "id: tien_trinh\n#")],
        DOSSIERS: [("severity: quarantine", "severity: loud"), ("kind: ", "kimd: ")],
    }.items():  # fmt: skip
        copy = folder / path.parent.name / path.name
        text = copy.read_text(encoding="utf-8")
        for old, new in changes:
            start = text.index(old)
            text = text[:start] + new + text[start + len(old) :]
            places[path.name, text[:start].count("\n") + 1] = new
        copy.write_text(text, encoding="utf-8")
    with pytest.raises(ContractError) as caught:
        load_all(folder)
    told = str(caught.value).splitlines()
    named = {line.split(":")[0] for line in told}
    assert named == {PROCEDURES.name, STEPS.name, DOSSIERS.name}
    assert len(told) >= 7
    assert len(told) == len(set(told))
    for words in ("mode", "tool email", "match", "secret", "loud"):
        assert [line for line in told if words in line], words
