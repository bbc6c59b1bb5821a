"""Makes docs/screens anew: an installation of its own, one day with planted faults, a browser that signs in and looks.

Nothing of it stays but the pictures and their page. A page that does not answer 200, or of which the browser complains,
ends it without a new picture.
"""

import json
import shutil
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from lienthong.services import control
from lienthong.services.keys import USER, load

from ..console.browser import CHROMIUM, browser
from ..console.visitor import Visitor
from ..journey.conftest import DAY, Installation, wait_for
from .pages import AWAY, ELEVEN, FOLDER, PAGES, overview

WIDTH, TALLEST = 1280, 1000
# Enough dossiers for the eleven planted faults of one commune, and few enough for a minute.
VOLUME = "0.2"
OFFICE = "xa.ea.sup@daklak.example"
LARGEST = 150_000


def main():
    if CHROMIUM is None:
        return "No Chromium on this machine: install it (Debian, Ubuntu: apt install chromium) and try again."
    scratch = Path(tempfile.mkdtemp(prefix="lienthong-screens-"))
    here = Installation(scratch / "var", LIENTHONG_SANDBOX_VOLUME=VOLUME)
    try:
        _say("Starting an installation of its own")
        _well(here, "up", "--detach")
        _say(f"Playing {DAY}: the database of {AWAY} is away")
        here.trouble("down", AWAY)
        here.run_day(DAY)
        _say("Running past days again")
        _backfills(here)
        _well(here, "reconcile", "national_portal")
        with browser(scratch) as chromium:
            _pictures(here, chromium, scratch)
    finally:
        here.command("down", timeout=120)
        if here.survivors():
            _say(f"Still running: {here.survivors()}")
        shutil.rmtree(scratch, ignore_errors=True)
    (FOLDER / "README.md").write_text(overview(), encoding="utf-8")
    return 0


def _say(text):
    sys.stdout.write(f"{time.strftime('%H:%M:%S')}  {text}\n")
    sys.stdout.flush()


def _well(here, *words):
    done = here.command(*words)
    if done.returncode:
        raise SystemExit(f"lienthong {' '.join(words)}: {(done.stdout + done.stderr)[-3000:]}")
    return done.stdout


def _backfills(here):
    """One that has ended, and one that somebody has paused in the middle."""

    def newest():
        return json.loads(_well(here, "backfill", "list", "--all", "--json"))[0]

    asked = ("--to", DAY, "--reprocess", "--by", "người trực")
    _well(here, "backfill", "ho_so", "--unit", ELEVEN, "--from", DAY, *asked)
    wait_for(lambda: newest()["ended_at"], 300, "the end of the first backfill")
    # a shared database that gives what changed day by day; the units' own days are made one by one
    _well(here, "backfill", "ho_tich", "--from", "2025-09-16", *asked)
    wait_for(lambda: newest()["promoted"] >= 2 or newest()["ended_at"], 300, "two days of the second backfill")
    if newest()["ended_at"] is None:
        _well(here, "backfill", "pause", str(newest()["backfill"]), "--by", "người trực")


def _pictures(here, chromium, scratch):
    """Every picture is taken before the first one is kept."""
    present = control.running(here.folders)
    mailbox = f"http://127.0.0.1:{present['ports']['mailbox']}"
    values = {"airflow": present["address"], "mailbox": mailbox, "letter": _letter(mailbox)}
    visitor = Visitor(chromium)
    chromium.open(present["address"] + "/", WIDTH, TALLEST)
    visitor.fill("Username", USER)
    visitor.fill("Password", load(here.folders.secrets).admin)
    visitor.click("Sign in")
    visitor.sees("Dag Runs")
    chromium.complaints.clear()  # Airflow's own, of the time before somebody had signed in
    taken = scratch / "pictures"
    taken.mkdir()
    for page in PAGES:
        asked = {name: here.rows(query)[0][0] for name, query in page.asks.items()}
        address = page.address.format(**values, **asked)
        chromium.open(address, WIDTH, TALLEST)
        if page.shows:
            visitor.sees(page.shows)
            time.sleep(3)  # figures and drawings come after the words
        if chromium.status != 200 or chromium.complaints:
            raise SystemExit(f"{page.name}: {address} answered {chromium.status}; {chromium.complaints}")
        picture = taken / page.file
        chromium.picture(picture, TALLEST)
        size = picture.stat().st_size
        if size > LARGEST:
            raise SystemExit(f"{page.name}: the picture has {size:,} bytes; more than {LARGEST:,} are too many.")
        _say(f"{page.file}: {size // 1024} kB")
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("*.webp"):
        old.unlink()
    for picture in taken.iterdir():
        shutil.copy(picture, FOLDER)


def _letter(mailbox):
    """The number of the newest letter to the office of the commune."""
    with urllib.request.urlopen(f"{mailbox}/api/letters", timeout=30) as answer:
        letters = json.load(answer)["letters"]
    return max(one["number"] for one in letters if OFFICE in one["recipients"])


if __name__ == "__main__":
    sys.exit(main())
