"""One day of the whole province through the real scheduler, as ``make run`` does it.

The tests of this file are one story, told in their order: one commune is away, comes back, the day is run again and
nothing changes; a commune corrects its rows, and on the next day the scheduler is killed four times. The portal's own
log and the mailbox are the judges.
"""

import json
import re
import urllib.request
from collections import Counter, defaultdict
from datetime import date

import psycopg
import pytest

from lienthong.contracts import load_all
from lienthong.endpoints import ENDPOINTS
from lienthong.sandbox.app_receiver_log import AppLog
from lienthong.sandbox.centre_log import CentreLog
from lienthong.services import airflow, control
from lienthong.services.keys import load
from lienthong.services.playground import DEPARTMENT, playground
from lienthong.services.postgres import Server
from lienthong.settings import ROOT

from .conftest import DAY, alive, kill, wait_for
from .letters import arrived, deliveries

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("journey")]

CONTRACTS = load_all(ROOT / "expectations")
UP = [name for name, contract in CONTRACTS.items() if "shared_platform" in contract.endpoints]
AWAY = "H15.102"
ELEVEN = "H15.131"
NEXT_DAY = "2025-10-01"
ENDED, SUCCESSOR = "24211", "24175"
MAILBOX = {AWAY: "phuong.tan.lap@daklak.example", ELEVEN: "xa.ea.sup@daklak.example"}

# A person who exists nowhere else: planted at the source, and to be found nowhere but in the restricted tables.
MARKED = {
    "chu_ho_so": "Hờ Đánh Dấu",
    "so_dinh_danh": "066300987654",
    "so_dien_thoai": "0987000654",
    "email": "danh.dau@vidu.invalid",
    "dia_chi": "Số 987 đường Đánh Dấu",
    "trich_yeu": "Khai sinh cho con của Hờ Đánh Dấu",
    "ghi_chu": "Gọi Hờ Đánh Dấu theo số 0987000654",
}
OFFICER = "Cán Bộ Đánh Dấu"
MARKS = (*MARKED.values(), OFFICER, "06630098765")


@pytest.fixture(scope="module")
def first(installation):
    """The day with one commune's database away, marked persons in it, and one dossier that the portal will refuse."""
    present = control.running(installation.folders)
    address = f"http://127.0.0.1:{present['ports']['department']}"
    playground(installation.folders, {**installation.env, DEPARTMENT: address}).province.make_day(
        date.fromisoformat(DAY)
    )
    installation.refused = plant_marks(installation)
    refuse(installation, present, installation.refused)
    installation.trouble("down", AWAY)
    return installation.run_day(DAY)


def plant_marks(installation):
    """Three dossiers of the commune bear marked values, one of them spoilt; gives the code of a good one."""
    connections = json.loads(installation.folders.connections.read_text(encoding="utf-8"))
    schema = connections[f"unit_{AWAY.lower().replace('.', '_')}"]["extra"]["namespace"]
    server = Server.at(installation.folders)
    with psycopg.connect(host=str(server.socket_folder), user="postgres", dbname="sandbox") as session:
        codes = [
            row[0] for row in session.execute(
                f'SELECT ma_ho_so FROM "{schema}".ho_so h WHERE cap_nhat_luc::date = %s AND loai_dinh_danh = \'1\''
                f' AND 1 = (SELECT count(*) FROM "{schema}".ho_so x WHERE x.ma_ho_so = h.ma_ho_so)'
                " ORDER BY 1 LIMIT 3", [DAY]
            )
        ]  # fmt: skip
        assert len(codes) == 3
        sets = ", ".join(f"{name} = %({name})s" for name in MARKED)
        session.execute(
            f'UPDATE "{schema}".ho_so SET {sets} WHERE ma_ho_so = ANY (%(codes)s)', {**MARKED, "codes": codes}
        )
        session.execute(f"UPDATE \"{schema}\".ho_so SET so_dinh_danh = '06630098765' WHERE ma_ho_so = %s", [codes[2]])
        session.execute(
            f'UPDATE "{schema}".tien_trinh SET nguoi_xu_ly = %s WHERE ma_ho_so = ANY (%s)', [OFFICER, codes]
        )
    return codes[0]


def refuse(installation, present, code):
    rule = {
        "fault": "refuse",
        "ma_ho_so": code,
        "message": f"Hồ sơ của {MARKED['chu_ho_so']}, số {MARKED['so_dinh_danh']} không hợp lệ",
    }
    request = urllib.request.Request(
        f"http://127.0.0.1:{present['ports']['portal']}/_control/misbehave",
        json.dumps(rule).encode(),
        {"X-Control-Token": load(installation.folders.secrets).control, "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 201


def test_one_commune_away_costs_only_itself(installation, first):
    for dataset in ("ho_so", "tien_trinh"):
        sources = first["datasets"][dataset]["sources"]
        assert (sources["total"], sources["read"]) == (116, 115)
        assert [item["source"] for item in sources["missing"]] == [AWAY]
        assert first["datasets"][dataset]["state"] == "promoted"
    assert first["datasets"]["ho_so"]["inserted"] > 5_000
    status = installation.status()
    assert AWAY in json.dumps(status)
    assert installation.rows("SELECT count(*) FROM core.ho_so WHERE _source = %s", AWAY) == [(0,)]
    assert installation.rows("SELECT count(DISTINCT _source) FROM core.ho_so")[0][0] >= 100


def test_the_commune_with_eleven_rejected_dossiers_is_seen(installation, first):
    found = installation.rows(
        "SELECT count(*) FROM quarantine.rows WHERE dataset = 'ho_so' AND source = %s AND state = 'open'", ELEVEN
    )
    assert found == [(11,)]


def test_each_owner_is_told_of_its_own_rows_and_of_nothing_else(installation, first):
    """Keys and rules in the attachments are those that were planted, owner by owner: a unit's contact, or for a shared
    database the department that its contract names."""
    titles = {contract.title: name for name, contract in CONTRACTS.items()}
    contacts = dict(installation.rows("SELECT unit, address FROM ops.contacts WHERE scope = 'unit'"))
    told = defaultdict(set)
    for letter in arrived(installation.folders.mailbox):
        for line in letter.lines:
            told[letter.to].add((titles[line["Cơ sở dữ liệu"]], line["Mã bản ghi"], line["Quy tắc"]))
    planted = defaultdict(set)
    for fault in installation.truth():
        expected, dataset = fault["expected"], fault["dataset"]
        owner = contacts.get(fault["source"]) or CONTRACTS[dataset].support[0].address
        if "rule" in expected:
            planted[owner].add((dataset, fault["record_key"], expected["rule"].split(".")[1]))
        elif "waits_for" in expected:
            planted[owner].add((dataset, fault["record_key"], "ho_so_ton_tai"))
    del planted[MAILBOX[AWAY]]
    assert len(planted) > 28
    assert {owner: sorted(found) for owner, found in told.items()} == {
        owner: sorted(found) for owner, found in planted.items()
    }


def test_the_commune_that_is_away_and_the_province_are_told(installation, first):
    letters = arrived(installation.folders.mailbox)
    [away] = [letter for letter in letters if letter.to == MAILBOX[AWAY]]
    assert "không kết nối được" in away.text or "không trả lời" in away.text
    assert "30/09/2025" in away.text
    assert not away.lines
    [province] = [letter for letter in letters if letter.to == "to.dulieu@daklak.example"]
    assert not province.lines, "the province gets counts; the rows are their owners'"
    assert "Ea Súp" in province.text
    shown = {(one["address"], one["state"]) for one in first["alerts"]["written"]}
    assert shown == {(letter.to, "sent") for letter in letters}


def test_when_it_is_back_only_it_is_read(installation, first):
    installation.trouble("restore", AWAY)
    report = installation.run_day(DAY)
    assert report["datasets"]["ho_so"]["sources"]["missing"] == []
    for dataset in ("ho_so", "tien_trinh"):
        newest = installation.rows(
            "SELECT source, state FROM ops.batches WHERE source <> '(quarantine)' AND run_id ="
            " (SELECT max(run_id) FROM ops.runs WHERE dataset = %s AND kind = 'read')", dataset
        )  # fmt: skip
        assert newest == [(AWAY, "landed")]
    assert installation.rows("SELECT count(*) > 0 FROM core.ho_so WHERE _source = %s", AWAY) == [(True,)]
    told, over = [letter for letter in arrived(installation.folders.mailbox) if letter.to == MAILBOX[AWAY]]
    assert "khắc phục" in over.subject
    assert over.references == told.message_id


def test_the_same_day_again_changes_nothing_and_sends_nothing(installation, first):
    before, pushes = content(installation), len(list(installation.portal().effects()))
    letters = deliveries(installation.folders.mailbox)
    report = installation.run_day(DAY)
    assert report["datasets"]["ho_so"]["sources"]["read"] == 116
    assert report["datasets"]["ho_so"]["unchanged"] > 5_000
    assert {name: found["sent"] for name, found in report["endpoints"].items()} == dict.fromkeys(ENDPOINTS, 0)
    assert content(installation) == before
    assert len(list(installation.portal().effects())) == pushes
    assert deliveries(installation.folders.mailbox) == letters


def content(installation):
    tables = [f"{schema}.{name}" for schema in ("core", "history") for name in CONTRACTS]
    tables += ["quarantine.rows", "quarantine.conflicts", "publish.outbox", "publish.receipts"]
    return {
        name: installation.rows(
            f"SELECT count(*), md5(string_agg(md5(t::text), '' ORDER BY md5(t::text))) FROM {name} t"
        )
        for name in tables
    }


def test_the_portal_holds_the_newest_version_of_every_dossier_once(installation, first):
    judge_by_the_portal(installation, refused={installation.refused})


def judge_by_the_portal(installation, refused=frozenset()):
    log = installation.portal()
    effects = [effect for effect in log.effects() if effect.effect]
    doubled = [key for key, n in Counter((e.record_key, e.sha256) for e in effects).items() if n > 1]
    assert doubled == []
    created = {e.record_key: e.seq for e in effects if e.kind == "create"}
    assert all(created[e.record_key.split("|")[0]] < e.seq for e in effects if e.kind == "step")
    core = {row[0] for row in installation.rows("SELECT ma_ho_so FROM core.ho_so")}
    held = {d.ma_ho_so: d.sha256 for d in log.dossiers()}
    assert set(held) == core - refused
    newest = dict(installation.rows(
        "SELECT DISTINCT ON (record_key) record_key, body_sha256 FROM publish.receipts WHERE dataset = 'ho_so'"
        " AND outcome = 'accepted' ORDER BY record_key, version DESC"
    ))  # fmt: skip
    assert newest == held
    steps = installation.rows("SELECT count(*) FROM core.tien_trinh WHERE NOT ma_ho_so = ANY (%s)", list(refused))
    assert len(list(log.steps())) == steps[0][0]
    accepted = installation.rows(
        "SELECT count(*) FROM publish.receipts WHERE outcome = 'accepted' AND endpoint = 'national_portal'"
    )
    assert accepted == [(len(effects),)]
    assert installation.rows("SELECT dataset, record_key FROM publish.outbox WHERE state = 'dead'") == [
        ("ho_so", code) for code in sorted(refused)
    ]


def test_the_shared_platform_holds_what_the_province_holds_and_gives_it_back_unchanged(installation, first):
    judge_by_the_platform(installation)
    compared = {
        dataset: (equal, differing)
        for dataset, equal, differing in installation.rows(
            "SELECT DISTINCT ON (dataset) dataset, equal, differing FROM ops.comparisons"
            " ORDER BY dataset, comparison_id DESC"
        )
    }
    assert set(compared) == {name for name, contract in CONTRACTS.items() if contract.counterpart}
    for dataset in ("ho_ngheo", "san_pham_ocop"):
        assert compared[dataset] == (held(installation, dataset), 0), dataset
    assert compared["doanh_nghiep"][1] == 3, "what the department changed in its copy"
    [letter] = [one for one in arrived(installation.folders.mailbox) if "hai bên" in one.text and "chủ quản" in one.text
                and one.to == CONTRACTS["doanh_nghiep"].support[0].address]  # fmt: skip
    assert "Bản sao tại đơn vị đã bị sửa" in letter.text


def held(installation, dataset):
    return installation.rows(f"SELECT count(*) FROM core.{dataset} WHERE _deleted_at IS NULL")[0][0]


def judge_by_the_platform(installation):
    accepted = installation.platform_accepted()
    for dataset in UP:
        ours = dict(installation.rows(f"SELECT _record_key, _version FROM core.{dataset}"))
        theirs = {key: version for (name, key), version in accepted.items() if name == dataset}
        assert theirs == ours, dataset
        receipts = installation.rows(
            "SELECT count(*), count(DISTINCT (record_key, version)) FROM publish.receipts WHERE dataset = %s"
            " AND endpoint = 'shared_platform' AND outcome = 'accepted'", dataset
        )  # fmt: skip
        assert receipts[0][0] == receipts[0][1] >= len(ours), dataset


def test_the_centre_the_statistics_and_the_app_hold_what_was_derived(installation, first):
    judge_by_the_centre(installation)
    judge_by_the_statistics(installation)
    judge_by_the_app(installation)
    assert installation.rows("SELECT count(*) FROM core.thong_tin_xa WHERE _deleted_at IS NULL") == [(102,)]
    held = installation.rows("SELECT dataset FROM quarantine.rows WHERE source = 'marts'")
    assert held == [], "what is computed here breaks no rule"


def judge_by_the_centre(installation):
    """An entity for every unit, figure and state of ``core``, of its newest version, by the centre's own log."""
    log = CentreLog(installation.folders.centre)
    held = {one.id: one.entity["version"]["value"] for one in log.held(airflow.TENANT)}
    kinds = {"don_vi": "Unit", "chi_so": "IndicatorValue", "trang_thai_dich_vu": "ServiceState"}
    ours = {}
    for dataset, kind in kinds.items():
        rows = installation.rows(f"SELECT _record_key, _version FROM core.{dataset} WHERE _deleted_at IS NULL")
        assert len(rows) > 115, dataset
        ours |= {f"urn:ngsi-ld:{kind}:{key.replace('|', ':')}": version for key, version in rows}
    assert held == ours
    # By version, which the entity bears: the wording of an indicator joins the text on its way.
    told = Counter((one.id, one.version) for one in log.effects() if one.effect and one.kind != "delete")
    receipts = installation.rows(
        "SELECT dataset, record_key, version FROM publish.receipts JOIN publish.outbox o USING (endpoint, dataset,"
        " record_key, version) WHERE endpoint = 'monitoring_centre' AND outcome = 'accepted' AND NOT o.deleted"
    )
    named = Counter((f"urn:ngsi-ld:{kinds[dataset]}:{key.replace('|', ':')}", v) for dataset, key, v in receipts)
    assert named - told == told - named == Counter()


def judge_by_the_statistics(installation):
    months = installation.rows(
        "SELECT ma_don_vi || '|' || to_char(thang, 'YYYY-MM'), _version FROM core.thong_ke_thang"
    )
    accepted = installation.platform_accepted()
    assert {key: version for (name, key), version in accepted.items() if name == "thong_ke_thang"} == dict(months)
    assert len({key.split("|")[0] for key, _ in months}) == 116


def judge_by_the_app(installation):
    log = AppLog(installation.folders.app)
    held = {one.key: one.version for one in log.held("communes") if one.document is not None}
    assert held == dict(installation.rows("SELECT ma_xa, _version FROM core.thong_tin_xa WHERE _deleted_at IS NULL"))
    receipts = installation.rows(
        "SELECT body_sha256 FROM publish.receipts WHERE endpoint = 'public_app' AND outcome = 'accepted'"
    )
    assert Counter(row[0] for row in receipts) == Counter(one.sha256 for one in log.effects() if one.effect)


def test_all_twenty_five_shared_databases_are_in_step_in_both_directions(installation, first):
    datasets = installation.status()["datasets"]
    numbers = {found["shared_database"] for found in datasets.values() if found["shared_database"]}
    assert numbers == set(range(1, 26))
    assert {found["last_good_window"] for found in datasets.values()} == {DAY}
    sent = {name: found["sent"]["shared_platform"] for name, found in datasets.items() if name in UP}
    assert all(one == {"last_good_window": DAY, "open": 0, "dead": 0} for one in sent.values()), sent


def test_every_run_adds_up(installation, first):
    wrong = installation.rows(
        "SELECT * FROM ops.runs WHERE state <> 'promoted' OR extracted IS NULL"
        " OR extracted <> inserted + updated + unchanged + superseded + quarantined"
    )
    assert wrong == []
    assert installation.rows("SELECT count(*) FROM information_schema.tables WHERE table_schema = 'landing'") == [(0,)]


def test_every_planted_fault_is_caught_by_its_rule_or_is_a_known_exception(installation, first):
    rejected, warned = defaultdict(set), set()
    for dataset, key, rules in installation.rows("SELECT dataset, record_key, rules FROM quarantine.rows"):
        rejected[dataset, key].update(rules)
    for dataset, rule in installation.rows(
        "SELECT r.dataset, v.rule FROM ops.verdicts v JOIN ops.runs r USING (run_id) WHERE v.failing > 0"
    ):
        warned.add(f"{dataset}.{rule}")
    core = {
        dataset: {row[0] for row in installation.rows(f"SELECT _record_key FROM core.{dataset}")}
        for dataset in CONTRACTS
    }
    portal = {d.ma_ho_so for d in installation.portal().dossiers()}
    missed, kinds = [], Counter()
    for fault in installation.truth():
        dataset, key = fault["dataset"], fault["record_key"]
        kinds[fault["fault"]] += 1
        expected = fault.get("expected", {})
        if "rule" in expected:
            named = expected["rule"].split(".")[1]
            caught = named in rejected[dataset, key] or any(
                named in rules for (d, k), rules in rejected.items() if d == dataset and k.startswith("row:")
            )
            if not caught or key in core[dataset] or (dataset == "ho_so" and key in portal):
                missed.append(fault)
        elif "waits_for" in json.dumps(fault):
            if key in core[dataset]:
                missed.append(fault)
        else:
            assert expected.get("exception"), fault
    assert missed == []
    assert len(kinds) >= 18, kinds


def test_no_personal_value_in_anything_that_was_written(installation, first):
    """Logs, metadata of Airflow (XCom, rendered fields, notes), the ledger, receipts, verdicts and the report."""
    texts = {
        str(path.relative_to(installation.var)): path.read_text(encoding="utf-8", errors="replace")
        for folder in (installation.folders.log, installation.folders.airflow)
        for path in folder.rglob("*")
        if path.is_file()
    }
    texts["report.json"] = installation.folders.report.read_text(encoding="utf-8")
    for number, letter in enumerate(arrived(installation.folders.mailbox)):
        texts[f"letter {number}"] = letter.everything
    for path in (installation.var / "data_docs").rglob("*.html"):
        texts[f"data docs {path.name}"] = path.read_text(encoding="utf-8")
    texts["status"] = json.dumps(installation.status(), ensure_ascii=False)
    for database, schemas in (("airflow", ["public"]), ("warehouse", ["ops", "publish", "marts"])):
        for schema, table in installation.rows(
            "SELECT table_schema::text, table_name::text FROM information_schema.tables"
            " WHERE table_schema = ANY (%s) AND table_type = 'BASE TABLE'", schemas, database=database
        ):  # fmt: skip
            rows = installation.rows(f'SELECT t::text FROM {schema}."{table}" t', database=database)
            texts[f"{database}.{schema}.{table}"] = "\n".join(row[0] for row in rows)
    assert sum(map(len, texts.values())) > 100_000, "there is something to search"
    names = {
        row[0]
        for dataset, contract in CONTRACTS.items()
        if "so_dinh_danh" in contract.names
        for row in installation.rows(
            f"SELECT DISTINCT so_dinh_danh FROM core.{dataset} WHERE so_dinh_danh ~ '^[0-9]{{12}}$'"
        )
    }
    assert len(names) > 1_000
    for name, text in texts.items():
        for mark in MARKS:
            assert mark not in text, f"{mark!r} stands in {name}"
            assert json.dumps(mark)[1:-1] not in text, f"{mark!r} stands in {name}"
        assert not names & set(re.findall(r"(?<![0-9])[0-9]{12}(?![0-9])", text)), f"a citizen number stands in {name}"


def test_the_refused_record_is_a_dead_letter_with_masked_words(installation, first):
    [(code, message)] = installation.rows("SELECT record_key, message FROM publish.receipts WHERE outcome = 'refused'")
    assert code == installation.refused
    assert "không hợp lệ" in message
    assert "Đánh Dấu" not in message


def test_the_scheduler_is_killed_in_extract_promote_publish_and_between_letters(installation, first):
    """A commune corrects its rows; four deaths on the next day; whoever waited inside the task dies with it."""
    installation.trouble("mend", ELEVEN)
    installation.at_the_platform("end", "don_vi_hanh_chinh", ENDED, "--successor", SUCCESSOR, "--on", DAY)
    installation.at_the_platform("change", "ho_ngheo", changed_key(installation), "thon_buon=Buôn khác")
    installation.before_next = len(arrived(installation.folders.mailbox))
    points = [
        "extract.before_commit@ho_so.H15.131",
        "promote.before_commit@tien_trinh",
        "publish.before_settle@national_portal",
        "deliver.after_send",
    ]
    reached = installation.arm(points[0])
    run = installation.start("run", "--day", NEXT_DAY)
    for point, following in zip(points, [*points[1:], None], strict=True):
        wait_for(reached.exists, 150, point)
        if following:
            coming = installation.arm(following)
        inside = int(reached.read_text(encoding="utf-8"))
        kill(installation.process("airflow", "scheduler"))
        wait_for(lambda pid=inside: not alive(pid), 30, f"the end of the task at {point}")
        reached.unlink()
        reached = coming
    said, _ = run.communicate(timeout=300)
    assert run.returncode == 0, said[-3000:]
    report = installation.report()
    assert report["restarts"]["scheduler"] >= 4
    assert report["datasets"]["ho_so"]["sources"]["read"] == 116
    test_every_run_adds_up(installation, first)
    judge_by_the_portal(installation, refused={installation.refused})
    judge_by_the_centre(installation)
    judge_by_the_statistics(installation)
    judge_by_the_app(installation)


def changed_key(installation):
    return installation.rows("SELECT min(_record_key) FROM core.ho_ngheo WHERE _deleted_at IS NULL")[0][0]


def test_a_code_that_the_nation_ended_is_ended_here_and_whoever_uses_it_is_told_its_successor(installation, first):
    assert installation.rows(
        "SELECT hieu_luc_den::text, ma_thay_the FROM core.don_vi_hanh_chinh WHERE ma_dvhc = %s", ENDED
    ) == [(DAY, SUCCESSOR)]
    assert installation.rows("SELECT hieu_luc_den FROM history.don_vi_hanh_chinh WHERE ma_dvhc = %s", ENDED) == [
        (None,)
    ]
    pointing = {row[0] for row in installation.rows("SELECT dataset FROM ops.problems WHERE kind = 'ended_code'")}
    assert "ho_ngheo" in pointing
    address = CONTRACTS["ho_ngheo"].support[0].address
    texts = [one.text for one in arrived(installation.folders.mailbox)[installation.before_next :] if one.to == address]
    assert any(f"mã {ENDED} đã hết hiệu lực" in text and SUCCESSOR in text for text in texts)


def test_a_record_changed_on_the_other_side_is_decided_by_its_master(installation, first):
    """The province is master of its poor households: its version is sent again, theirs is kept and its owner told."""
    key = changed_key(installation)
    conflicts = installation.rows(
        "SELECT kind, columns, theirs->>'thon_buon' AS theirs FROM quarantine.conflicts"
        " WHERE dataset = 'ho_ngheo' AND record_key = %s", key
    )  # fmt: skip
    assert conflicts == [("changed", ["thon_buon"], "Buôn khác")]
    waiting = "SELECT record_key FROM publish.outbox WHERE dataset = 'ho_ngheo' AND state = 'pending'"
    assert installation.rows(waiting) == [(key,)], "to be sent again, as a newer version"
    installation.run_dag("publish.shared_platform")
    judge_by_the_platform(installation)
    installation.run_dag("compare")
    assert installation.rows("SELECT count(*) FROM quarantine.conflicts WHERE dataset = 'ho_ngheo'"
                             " AND closed_at IS NULL") == [(0,)]  # fmt: skip


def test_what_was_corrected_is_published_and_its_owner_gets_one_all_clear(installation, first):
    held = "SELECT record_key, state FROM quarantine.rows WHERE source = %s AND dataset = 'ho_so' ORDER BY 1"
    states = dict(installation.rows(held, ELEVEN))
    assert set(states.values()) == {"corrected"}
    assert len(states) == 11
    assert set(states) <= {dossier.ma_ho_so for dossier in installation.portal().dossiers()}
    assert installation.rows("SELECT count(*) FROM quarantine.rows WHERE source = %s AND state = 'open'", ELEVEN) == [
        (0,)
    ]
    told, over = [letter for letter in arrived(installation.folders.mailbox) if letter.to == MAILBOX[ELEVEN]]
    assert "khắc phục" in over.subject
    assert told.message_id in over.references
    assert len(told.lines) > 11
    assert not over.lines
    moves = installation.rows(
        "SELECT DISTINCT from_state, to_state FROM quarantine.transitions WHERE source = %s AND dataset = 'ho_so'",
        ELEVEN,
    )
    assert set(moves) == {(None, "open"), ("open", "corrected")}


def test_a_letter_in_the_air_is_repeated_as_the_same_letter(installation, first):
    names = deliveries(installation.folders.mailbox)
    assert len(names) == len(set(names)) + 1, "the letter during which the mailer died"
    letters = arrived(installation.folders.mailbox)
    assert len(letters) == len(set(names))
    assert installation.rows("SELECT count(*), min(state) FROM ops.letters") == [(len(letters), "sent")]
