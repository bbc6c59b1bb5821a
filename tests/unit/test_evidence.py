"""Exports of receipts: every way to tamper with one is found, an intact one never is, and nothing else is needed."""

import json
import os
import random
import subprocess
import sys
import tracemalloc
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from lienthong.cli import app
from lienthong.errors import NeedsPerson
from lienthong.publishing import chain_anchors, chain_files
from lienthong.publishing.chain_check import MOST, START, Anchor, Epoch, Head
from lienthong.publishing.receipts import GENESIS, Link, canonical, digest

from ..conftest import ROOT

NOON = datetime(2025, 9, 30, 5, tzinfo=UTC)
NAMES = ("monitoring_centre", "national_portal", "shared_platform")
SEEDS = range(60)


def links(endpoint, length, rng):
    """A chain as the sender seals it."""
    found, previous = [], GENESIS
    for place in range(1, length + 1):
        text = canonical({
            "endpoint": endpoint, "place": place, "dataset": "ho_so", "record_key": f"H15.102-{rng.randrange(10**6)}",
            "version": rng.randrange(1, 9), "outcome": rng.choice(["accepted", "refused"]), "code": str(place % 3),
            "message": rng.choice(["", "Đồng bộ thành công", 'một "dấu" \\ và\nxuống dòng, \u2028']),
            "request_id": "r1", "body_sha256": f"{rng.getrandbits(256):064x}",
            "answered_at": "2025-09-30T01:02:03.000004+00:00",
        })  # fmt: skip
        found.append(Link(endpoint, place, previous, digest(previous, text), text))
        previous = found[-1].hash
    return found


def head(chain):
    return Head(chain[-1].place, chain[-1].hash) if chain else START


def write(path, chains, *, after=0, at=NOON):
    parts = [
        chain_files.Part(name, head(chain[:after]) if chain else START, head(chain)) for name, chain in chains.items()
    ]
    chain_files.write(path, at, parts, (link for chain in chains.values() for link in chain[after:]))


def anchors(chain, *places, at=NOON - timedelta(hours=12)):
    return [Anchor(at + timedelta(minutes=place), chain[0].endpoint, place, chain[place - 1].hash) for place in places]


def wrong(path, lines=()):
    [(_, chains)] = chain_files.verify([path], lines)
    return sum(chain.wrong for chain in chains)


@pytest.mark.parametrize("seed", SEEDS)
def test_an_intact_export_is_never_suspected(seed, tmp_path):
    rng = random.Random(seed)
    chains = {name: links(name, rng.randrange(25), rng) for name in NAMES[: rng.randrange(1, 4)]}
    lines = []
    for chain in chains.values():
        lines += anchors(chain, *sorted(rng.sample(range(1, len(chain) + 1), min(3, len(chain)))))
    lines.sort(key=lambda line: line.at)
    path = tmp_path / "all.jsonl"
    write(path, chains)
    assert wrong(path) == wrong(path, lines) == 0
    # An older copy has less than what was anchored since; the head that the night after noted is met.
    name, chain = next((item for item in chains.items() if item[1]), (None, None))
    if chain:
        less = {name: chain[: rng.randrange(1, len(chain) + 1)]}
        write(path, less, at=lines[0].at - timedelta(days=1))
        [(_, [seen])] = chain_files.verify([path], [*lines, *anchors(less[name], len(less[name]), at=NOON)])
        assert (seen.wrong, seen.anchored.place) == (0, len(less[name]))
        write(path, {name: chain}, after=rng.randrange(len(chain)))
        assert wrong(path, lines) == 0


def rewritten(line, **changed):
    found = json.loads(line)
    found["receipt"] |= changed
    text = canonical(found["receipt"])
    return f'{{"receipt":{text},"previous":"{found["previous"]}","hash":"{found["hash"]}"}}\n'


def edit(rng, lines):
    place = rng.randrange(1, len(lines))
    name, value = rng.choice(list(json.loads(lines[place])["receipt"].items()))
    lines[place] = rewritten(lines[place], **{name: value + 1 if isinstance(value, int) else f"{value}x"})


def edit_and_seal(rng, lines):
    """The receipt gets the hash that belongs to it: the next one, or the head, shows it."""
    place = rng.randrange(1, len(lines))
    found = json.loads(lines[place])
    text = canonical(found["receipt"] | {"message": "khác"})
    lines[place] = f'{{"receipt":{text},"previous":"{found["previous"]}","hash":"{digest(found["previous"], text)}"}}\n'


def flip(rng, lines):
    place = rng.randrange(1, len(lines))
    raw = bytearray(lines[place].encode())
    raw[rng.randrange(len(raw))] ^= 1 << rng.randrange(8)
    lines[place] = raw.decode("utf-8", "surrogateescape")


def flip_head(rng, lines):
    """Any byte of the first line but the moment and what a reader is told."""
    raw = bytearray(lines[0].encode())
    begin = raw.index(b'"chains"')
    raw[rng.randrange(begin, len(raw))] ^= 1 << rng.randrange(8)
    lines[0] = raw.decode("utf-8", "surrogateescape")


def shadow(rng, lines):
    """A second value under the same name, which some readers prefer."""
    place = rng.randrange(1, len(lines))
    lines[place] = lines[place].replace('{"receipt":{', '{"receipt":{"outcome":"refused",', 1)


def delete(rng, lines):
    del lines[rng.randrange(1, len(lines))]


def swap(rng, lines):
    one, other = rng.sample(range(1, len(lines)), 2)
    lines[one], lines[other] = lines[other], lines[one]


def repeat(rng, lines):
    lines.insert(rng.randrange(1, len(lines) + 1), lines[rng.randrange(1, len(lines))])


def insert(rng, lines):
    foreign = links(rng.choice([*NAMES, "other"]), 20, random.Random(rng.random()))[rng.randrange(20)]
    text = f'{{"receipt":{foreign.text},"previous":"{foreign.previous}","hash":"{foreign.hash}"}}\n'
    lines.insert(rng.randrange(1, len(lines) + 1), rng.choice([text, "\n", "{}\n", "[" * 2000 + "\n"]))


def cut(rng, lines):
    del lines[rng.randrange(1, len(lines)) :]


def tear(rng, lines):
    text = "".join(lines)
    lines[:] = [text[: rng.randrange(len(lines[0]) - 1, len(text) - 1)]]


TAMPERINGS = (edit, edit_and_seal, flip, flip_head, shadow, delete, swap, repeat, insert, cut, tear)


@pytest.mark.parametrize("tamper", TAMPERINGS)
def test_tampering_is_found_with_nothing_but_the_file(tamper, tmp_path):
    path = tmp_path / "receipts.jsonl"
    for seed in SEEDS:
        rng = random.Random(seed)
        write(path, {name: links(name, rng.randrange(2, 12), rng) for name in NAMES[: rng.randrange(1, 4)]})
        assert wrong(path) == 0
        # Not splitlines, which also parts at U+2028.
        lines = [f"{line}\n" for line in path.read_text(encoding="utf-8").split("\n")[:-1]]
        before = list(lines)
        tamper(rng, lines)
        assert lines != before, seed
        path.write_text("".join(lines), encoding="utf-8", errors="surrogateescape", newline="\n")
        assert wrong(path) > 0, (tamper.__name__, seed)


def forged(chain, place):
    """Everything from ``place`` on made anew, so that it holds in itself."""
    made, previous = chain[: place - 1], chain[place - 1].previous
    for link in chain[place - 1 :]:
        text = canonical(json.loads(link.text) | {"code": "khác"})
        made.append(Link(link.endpoint, link.place, previous, digest(previous, text), text))
        previous = made[-1].hash
    return made


@pytest.mark.parametrize("seed", SEEDS)
def test_what_holds_in_itself_is_found_by_the_anchors(seed, tmp_path):
    rng = random.Random(seed)
    chain = links("national_portal", rng.randrange(5, 25), rng)
    noted = sorted(rng.sample(range(1, len(chain) + 1), 3))
    lines = anchors(chain, *noted)
    path = tmp_path / "receipts.jsonl"
    for false in (
        forged(chain, rng.randrange(1, noted[-1] + 1)),
        forged(links("national_portal", len(chain) + 5, rng), 1),
        chain[: rng.randrange(noted[-1])],
    ):
        write(path, {"national_portal": false})
        assert wrong(path) == 0, "it holds in itself"
        assert wrong(path, lines) > 0
        # A false moment does not help what is another chain.
        if len(false) >= noted[0] and false[noted[0] - 1].hash != chain[noted[0] - 1].hash:
            write(path, {"national_portal": false}, at=NOON - timedelta(days=100))
            assert wrong(path, lines) > 0
    # Of a part, what stands before it counts too.
    write(path, {"national_portal": forged(chain, noted[-1])}, after=noted[-1])
    assert wrong(path, lines) > 0


def test_a_finding_says_what_was_expected_what_was_found_and_who_can_mend_it(tmp_path):
    chain = links("national_portal", 9, random.Random(1))
    path = tmp_path / "nine.jsonl"
    write(path, {"national_portal": chain})
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('"place":4', '"place":5'), encoding="utf-8")
    [(_, [seen])] = chain_files.verify([path])
    assert str(seen.findings[0]) == (
        "national_portal, place 4: expected place 4, found place 5: what stands between is missing. "
        f"nine.jsonl: {chain_files.MEND}"
    )
    assert [finding.kind for finding in seen.findings] == ["missing", "order"]
    path.write_text("".join(f"{line}\n" for line in text.split("\n")[:8]), encoding="utf-8")
    [(_, [seen])] = chain_files.verify([path])
    assert "place 8: expected receipts up to the head at place 9, found the end of the chain at place 7" in str(
        seen.findings[0]
    )
    write(path, {"national_portal": chain[:6]})
    [(_, [seen])] = chain_files.verify([path], anchors(chain, 3, 6, 8))
    assert "the receipt " in str(seen.findings[0])
    assert "the last that holds is place 6" in str(seen.findings[0])


def test_the_first_line_is_read_in_one_way_only(tmp_path):
    path = tmp_path / "receipts.jsonl"
    write(path, {"national_portal": links("national_portal", 4, random.Random(1))})
    text = path.read_text(encoding="utf-8")
    for other in (
        text.replace('"head_place":4', '"head_place":3,"head_place":4'),
        text.replace('"version":1,', '"version": 1,', 1),
        text.replace("hash = SHA-256", "hash = MD5"),
        text.replace('"version":1,', '"version":2,', 1),
        text.split("\n", 1)[1],
        "",
    ):
        path.write_text(other, encoding="utf-8")
        [(_, [seen])] = chain_files.verify([path])
        assert [finding.kind for finding in seen.findings] == ["form"]
        assert "expected a first line of the format lienthong-receipts" in str(seen.findings[0])


def test_findings_are_told_up_to_a_number_and_counted_beyond(tmp_path):
    path = tmp_path / "receipts.jsonl"
    write(path, {"national_portal": links("national_portal", 2, random.Random(1))})
    with path.open("ab") as file:
        file.write(b"?\n" * 500)
    [(_, [seen])] = chain_files.verify([path])
    assert (len(seen.findings), seen.wrong) == (MOST, 500)


def test_exports_of_one_chain_bind_each_other(tmp_path):
    chain = links("national_portal", 20, random.Random(2))
    first, rest = tmp_path / "first.jsonl", tmp_path / "rest.jsonl"
    write(first, {"national_portal": chain[:12]}, at=NOON - timedelta(days=1))
    write(rest, {"national_portal": chain}, after=12)
    assert [one.wrong for _, chains in chain_files.verify([first, rest]) for one in chains] == [0, 0]
    write(rest, {"national_portal": forged(chain, 5)}, after=12)
    assert wrong(rest) == 0
    assert [one.wrong for _, chains in chain_files.verify([first, rest]) for one in chains] == [0, 1]


def test_an_epoch_gives_up_what_was_lost_and_nothing_before(tmp_path):
    old = links("national_portal", 20, random.Random(3))
    new = old[:10] + links("national_portal", 30, random.Random(4))[10:]
    for place in range(10, 30):
        previous = new[place - 1].hash
        new[place] = new[place]._replace(previous=previous, hash=digest(previous, new[place].text))
    epoch = Epoch(NOON, "national_portal", 10, old[9].hash, 15, 20, "bản sao lưu", "Tổ vận hành")
    lines = [*anchors(old, 5, 15, 20), epoch, *anchors(new, 25, at=NOON)]
    path = tmp_path / "receipts.jsonl"
    write(path, {"national_portal": new}, at=NOON + timedelta(days=1))
    assert wrong(path, lines) == 0
    assert wrong(path, [*lines[:3], *lines[4:]]) > 0, "without the epoch"
    for place in (3, 12, 25):
        write(path, {"national_portal": forged(new, place)}, at=NOON + timedelta(days=1))
        assert wrong(path, lines) > 0, place
    write(path, {"national_portal": old}, at=NOON - timedelta(hours=1))
    assert wrong(path, lines) == 0, "what was copied before it was lost"
    write(path, {"national_portal": forged(old, 18)}, at=NOON - timedelta(hours=1))
    assert wrong(path, lines) > 0
    again = replace(epoch, at=NOON + timedelta(hours=1), place=4, hash=old[3].hash, lost_from=5, lost_to=25)
    write(path, {"national_portal": old[:4]}, at=NOON + timedelta(days=1))
    assert wrong(path, [*lines, again]) == 0


def test_anchors_are_read_as_they_were_written_and_a_torn_end_is_healed(tmp_path):
    chain = links("national_portal", 5, random.Random(5))
    path = tmp_path / "anchors" / "receipts.jsonl"
    assert chain_anchors.read(path) == []
    epoch = Epoch(NOON, "national_portal", 1, chain[0].hash, 2, 3, "vì sao\n", "ai")
    chain_anchors.append(path, anchors(chain, 1, 3))
    chain_anchors.append(path, [epoch])
    whole = path.read_bytes()
    assert chain_anchors.read(path) == [*anchors(chain, 1, 3), epoch]
    for end in range(whole.rindex(b"\n", 0, -1) + 1, len(whole)):
        path.write_bytes(whole[:end])
        chain_anchors.append(path, anchors(chain, 5))
        told = chain_anchors.read(path)
        assert told == [*anchors(chain, 1, 3), *([epoch] if end == len(whole) - 1 else []), *anchors(chain, 5)]
    for damage in (
        b"?\n",
        b"{}\n",
        b"[]\n",
        whole.replace(b'"place":3', b'"place":"3"'),
        whole.replace(b"+00:00", b""),
    ):
        path.write_bytes(damage + whole)
        with pytest.raises(NeedsPerson, match=r"receipts.jsonl, line [12]: expected an anchor"):
            chain_anchors.read(path)


def test_an_export_is_whole_or_not_there(tmp_path):
    path = tmp_path / "receipts.jsonl"

    def breaks():
        yield from links("national_portal", 2, random.Random(1))
        raise NeedsPerson("the warehouse is gone")

    with pytest.raises(NeedsPerson):
        chain_files.write(path, NOON, [chain_files.Part("national_portal", START, Head(9, GENESIS))], breaks())
    assert list(tmp_path.iterdir()) == []


def test_memory_does_not_grow_with_the_file(tmp_path):
    rng = random.Random(6)
    path = tmp_path / "receipts.jsonl"
    chain = links("national_portal", 8000, rng)
    write(path, {"national_portal": chain})
    lines = anchors(chain, 10, 8000)
    tracemalloc.start()
    assert wrong(path, lines) == 0
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert path.stat().st_size > 3_000_000
    assert peak < 300_000


ALONE = """
import socket, sys
sys.modules["airflow"] = None
def refused(*_, **__): raise AssertionError("a connection was opened")
socket.socket.connect = refused
import psycopg
psycopg.connect = psycopg.Connection.connect = refused
sys.argv = ["lienthong", "verify", *sys.argv[1:]]
from lienthong.cli import main
main()
"""


def test_the_command_needs_neither_database_nor_airflow(tmp_path):
    chain = links("national_portal", 7, random.Random(7))
    good, bad, noted = tmp_path / "good.jsonl", tmp_path / "bad.jsonl", tmp_path / "anchors.jsonl"
    write(good, {"national_portal": chain})
    write(bad, {"national_portal": forged(chain, 3)})
    chain_anchors.append(noted, anchors(chain, 2, 5))
    env = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "LIENTHONG"))}
    env["LIENTHONG_VAR"] = str(tmp_path / "nothing")

    def verify(*words):
        return subprocess.run(
            [sys.executable, "-c", ALONE, *map(str, words)], cwd=ROOT, env=env, capture_output=True, text=True
        )

    found = verify(good, "--anchors", noted)
    assert (found.returncode, found.stderr) == (0, "")
    assert "7 receipts hold" in found.stdout
    assert "anchored up to place 5" in found.stdout
    assert "There were no anchors" not in found.stdout
    found = verify(good, bad, "--anchors", noted, "--json")
    assert found.returncode == 1
    said = json.loads(found.stdout)
    assert not said["whole"]
    assert [one["whole"] for one in said["chains"]] == [False, False]  # two exports of one chain that differ
    assert said["chains"][1]["findings"][0]["kind"] == "anchor"
    assert not (tmp_path / "nothing").exists()


def test_a_file_that_is_not_there_is_named(tmp_path):
    path = tmp_path / "receipts.jsonl"
    write(path, {"national_portal": []})
    for words, said in (
        ([path, "--anchors", tmp_path / "none.jsonl"], "there is no such file"),
        ([path, tmp_path / "none.jsonl"], "none.jsonl cannot be read"),
    ):
        found = CliRunner().invoke(app, ["verify", *map(str, words)])
        assert (found.exit_code, said in found.stderr) == (1, True), found.output
