"""The suite that every contract inherits: a new file under expectations/ is held to all of it without a new test."""

import json
import re
import unicodedata
from importlib.resources import files
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft201909Validator

from lienthong.contracts import load_all
from lienthong.rules import SEVERITIES
from lienthong.warehouse import Warehouse

from . import samples, windows

ROOT = Path(__file__).resolve().parents[2]
CONTRACTS = load_all(ROOT / "expectations", drafts=True)
RULES = [(contract.dataset, rule.id) for contract in CONTRACTS.values() for rule in contract.rules]
OF_WINDOWS = [(contract.dataset, rule.id) for contract in CONTRACTS.values() for rule in contract.window_rules]
OF_ROWS = [pair for pair in RULES if pair not in OF_WINDOWS]
DIMENSIONS = {"accuracy", "completeness", "conformity", "consistency", "coverage", "timeliness", "uniqueness"}
# domain/personal_data.md 2, in the words of our columns.
PERSONAL = {
    "chu_dau_tu", "chu_ho", "chu_ho_so", "chu_su_dung", "dan_toc", "dia_chi", "duong_dan_ket_qua", "email", "ghi_chu",
    "ho_ten", "ma_so_thue", "ngay_sinh", "nguoi_dai_dien", "nguoi_phan_anh", "nguoi_vi_pham", "nguoi_xu_ly",
    "nguyen_nhan", "noi_dung_phan_anh", "noi_dung_xu_ly", "so_dien_thoai", "so_dinh_danh", "so_the_bhyt", "trich_yeu",
    "ty_le_ton_thuong",
}  # fmt: skip
# Datasets that are about persons of one status: there the name beside the status is what is sensitive.
SENSITIVE_STATUS = {"ho_ngheo": "poor household", "nguoi_co_cong": "merit"}
# Sensitive by themselves, in any dataset: ethnic origin and health.
SENSITIVE = {"dan_toc", "nguyen_nhan", "ty_le_ton_thuong"}
# What a clerk is told to do: every sentence holds one of these.
ADVICE = (
    "bổ sung", "báo", "chỉ để", "chọn", "chuyển", "đối chiếu", "đổi", "ghi", "giữ", "hỏi", "kiểm tra", "kiến nghị",
    "lấy lại", "nhập", "sửa", "tính lại", "viết gọn", "xác định", "xuất",
)  # fmt: skip


@pytest.fixture(scope="session")
def outcomes(new_database, migrated, contracts):
    with new_database(migrated) as connection:
        yield samples.judge_all(Warehouse(connection, ROOT), contracts)


@pytest.fixture(scope="session")
def histories(new_database, migrated, contracts):
    with new_database(migrated) as connection:
        yield windows.judge_all(Warehouse(connection, ROOT), contracts)


def named(pairs):
    return {"argvalues": pairs, "ids": [f"{dataset}.{rule}" for dataset, rule in pairs]}


@pytest.mark.parametrize(("dataset", "rule"), **named(OF_ROWS))
def test_rule_is_proven_by_samples_in_both_compilations(outcomes, dataset, rule):
    outcome = outcomes[dataset]
    meant = [sample for sample in outcome.samples if rule in sample.breaks]
    assert meant, f"{dataset}.{rule} has no sample that it catches; add one to {CONTRACTS[dataset].samples.name}"
    assert rule in outcome.proven, f"{dataset}.{rule} has no good sample that it looks at and passes"
    caught = [sample for sample, found in zip(outcome.samples, outcome.broken, strict=True) if rule in found]
    assert [(s.line, s.note) for s in caught] == [(s.line, s.note) for s in meant]
    assert outcome.verdict[rule] == len(meant), "Great Expectations counts another number of rows"


@pytest.mark.parametrize(("dataset", "rule"), **named(OF_WINDOWS))
def test_rule_about_a_window_is_proven_by_a_history_in_both_compilations(histories, dataset, rule):
    assert rule in windows.read(CONTRACTS[dataset]), (
        f"{dataset}.{rule} has no history that it catches; add one to {windows.path(CONTRACTS[dataset]).name}"
    )
    outcome = histories[dataset]
    assert outcome.quiet, "a rule speaks about a window that has nothing to be compared with"
    assert outcome.found[rule] == ({"breaks"}, {"passes"}), "broken by another window than the one meant, or silent"
    assert outcome.verdict[rule] == 1, "Great Expectations counts another number of sources"


@pytest.mark.parametrize("dataset", CONTRACTS)
def test_histories_name_rules_that_exist(dataset):
    assert set(windows.read(CONTRACTS[dataset])) <= {rule.id for rule in CONTRACTS[dataset].window_rules}


@pytest.mark.parametrize("dataset", CONTRACTS)
def test_each_sample_breaks_exactly_the_rules_that_it_names(outcomes, dataset):
    outcome = outcomes[dataset]
    known = {rule.id for rule in CONTRACTS[dataset].rules}
    for sample, found in zip(outcome.samples, outcome.broken, strict=True):
        assert sample.breaks <= known, f"line {sample.line} names a rule that does not exist"
        assert sample.note, f"line {sample.line} has no note"
        assert found == sample.breaks, f"line {sample.line}, {sample.note}"


@pytest.mark.parametrize("dataset", CONTRACTS)
def test_samples_show_synthetic_persons_only(dataset):
    for sample in samples.read(CONTRACTS[dataset]):
        for number in re.findall(r"(?<![0-9])[0-9]{11,12}(?![0-9])", " ".join(filter(None, sample.values))):
            if not number.startswith(("02", "0301")):  # telephones
                assert int(number[-6:]) >= 900_000, f"line {sample.line}: the number could be somebody's"


@pytest.mark.parametrize("contract", CONTRACTS.values(), ids=str)
def test_file_is_valid_by_the_standard_itself(contract):
    schema = json.loads(files("open_data_contract_standard").joinpath("schema.json").read_text(encoding="utf-8"))
    Draft201909Validator.check_schema(schema)
    Draft201909Validator(schema).validate(yaml.safe_load(contract.path.read_text(encoding="utf-8")))


@pytest.mark.parametrize(("dataset", "rule"), **named(RULES))
def test_sentence_tells_a_clerk_in_vietnamese_what_to_do(dataset, rule):
    (found,) = [one for one in CONTRACTS[dataset].rules if one.id == rule]
    assert found.severity in SEVERITIES
    assert found.dimension in DIMENSIONS
    assert _vietnamese(found.sentence), "no diacritics, or a decomposed form"
    assert 30 <= len(found.sentence) <= 420
    assert found.sentence.endswith(".")
    assert re.search(r"[.;] |, hoặc ", found.sentence), "says what is wrong, then what to do"
    assert any(word in found.sentence.lower() for word in ADVICE), "no advice"
    assert not re.search(r"(?<![\w.])\d+\.\d{1,2}(?![\d.])", found.sentence), "a decimal point instead of the comma"
    told = found.sentence.replace("viết Hòa, không viết Hoà", "")
    assert not re.search(r"\bHoà\b", told), "the tone mark the wrong way round"
    assert "kiểu cũ" not in found.sentence, "Hòa, which is wanted, is what people call the old way"
    readable = [CONTRACTS[dataset], *(CONTRACTS[name] for name in CONTRACTS[dataset].references)]
    titles = {column.title for contract in readable for column in contract.columns}
    quoted = set(re.findall(r"«([^»]+)»", found.sentence))
    named = {title for title in quoted if title[0].isupper() and not _is_code(dataset, title)}
    assert all(part in titles for title in named for part in _parts(title, titles)), "names a column that is not there"


@pytest.mark.parametrize("contract", CONTRACTS.values(), ids=str)
def test_contract_speaks_vietnamese_and_names_its_owner(contract):
    document = yaml.safe_load(contract.path.read_text(encoding="utf-8"))
    assert _vietnamese(contract.title)
    assert _vietnamese(contract.owner)
    assert _vietnamese(contract.purpose)
    for column in contract.columns:
        assert _vietnamese(column.title), column.name
        for code, meaning in column.codes.items():
            assert meaning == unicodedata.normalize("NFC", meaning), (column.name, code)
    for item in document["schema"][0]["properties"]:
        assert _vietnamese(item["description"]), item["name"]
    channels = document["support"]
    assert all(re.fullmatch(r"mailto:[a-z0-9.]+@[a-z.]+", channel["url"]) for channel in channels)
    assert {channel["tool"] for channel in channels} == {"email"}


@pytest.mark.parametrize("contract", CONTRACTS.values(), ids=str)
def test_columns_have_the_words_of_the_law(contract):
    for column in contract.columns:
        # Vietnamese without diacritics: none of these letters; abbreviations of the field are spelled as in the law.
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", column.name)
        for syllable in column.name.split("_"):
            assert syllable in {"tthc", "dmqg", "vneid", "email"} or not re.search(r"[fjwz]", syllable), column.name


@pytest.mark.parametrize("contract", CONTRACTS.values(), ids=str)
def test_personal_columns_are_classified(contract):
    assert {column.name for column in contract.columns if column.personal} == PERSONAL & set(contract.names)


@pytest.mark.parametrize("dataset", SENSITIVE_STATUS)
def test_a_name_beside_a_sensitive_status_is_sensitive(dataset):
    classes = {column.name: column.classification for column in CONTRACTS[dataset].columns if column.personal}
    assert classes
    assert set(classes.values()) == {"sensitive"}, f"{SENSITIVE_STATUS[dataset]}: {classes}"


@pytest.mark.parametrize("contract", CONTRACTS.values(), ids=str)
def test_ethnic_origin_and_health_are_sensitive_and_never_sent(contract):
    found = {column.name: column.classification for column in contract.columns if column.name in SENSITIVE}
    assert set(found.values()) <= {"sensitive"}
    assert not SENSITIVE & {column.name for column in contract.sent_columns}


@pytest.mark.parametrize("contract", CONTRACTS.values(), ids=str)
def test_keys_may_be_shown(contract):
    # Record keys go into alerts, reports and logs.
    assert not [column.name for column in contract.columns if column.name in contract.key and column.personal]


def test_rules_of_dossiers_and_steps_are_enough():
    rules = [rule for dataset in ("ho_so", "tien_trinh") for rule in CONTRACTS[dataset].rules]
    assert len(rules) >= 40
    assert len([rule for rule in rules if not rule.derived]) >= 25


def _vietnamese(text):
    marked = re.search(r"[ăâđêôơưàáảãạèéẻẽẹìíỉĩịòóỏõọùúủũụỳýỷỹỵ]|[ấ-ỹ]", text.lower())
    return text == unicodedata.normalize("NFC", text) and marked is not None


def _is_code(dataset, text):
    return any(text in column.codes.values() for column in CONTRACTS[dataset].columns)


def _parts(title, titles):
    """The titles in a quoted list of them, as the sentence of a composite key has it."""
    return [title] if title in titles else title.split(", ")
