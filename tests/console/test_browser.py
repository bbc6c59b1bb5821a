"""A real browser shows every page whole: it refuses nothing of it, complains of nothing, and nothing sticks out."""

import time

import pytest

from lienthong.console.acting import Person

from ..sql.alert_stories import EA_BUNG, EA_SUP
from ..sql.builders import rows_of
from .browser import CHROMIUM, browser
from .world import DOSSIER, serving

LOCAL = "dung_han_dia_phuong"
PAGES = (
    "/", f"/units/{EA_BUNG}", "/datasets/ho_so?lang=en", "/problems", "/problems/1",
    "/indicators?period=2025-08", "/indicators/dung_han_quoc_gia?period=2025-08",
    "/indicators/thoi_gian_trung_binh?period=2025-Q3&lang=en",
    f"/indicators/dung_han_dia_phuong/{EA_SUP}?period=2025-08&part=numerator",
    "/on-time?period=2025-08&reason=received_before", f"/units/{EA_SUP}/offices?period=2025-08",
    "/alerts", "/alerts?lang=en&state=dead", "/reconciliation", "/reconciliation/national_portal?lang=en",
    "/datasets/ho_so/rules/ma_tthc_ton_tai", f"/units/{EA_SUP}?lang=en",
    "/quarantine", "/quarantine/1", f"/endpoints?key={DOSSIER}", "/endpoints/national_portal", "/backfills",
    "/activity", "/backfills/1", "/backfills/new?dataset=ho_so&first=2025-09-03&last=2025-09-04&reprocess=1",
    "/index766?period=2025-08", f"/index766/{EA_SUP}?period=2025-09",
)  # fmt: skip


def anybody():
    """A person who may do everything, so that the pages show every form."""
    return Person("ai đó", lambda dag: True, lambda: True)


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_a_browser_shows_the_pages_whole_and_has_no_complaint(trouble, tmp_path):
    with serving(trouble.warehouse, guard=lambda: None, person=anybody) as running, browser(tmp_path) as chromium:
        for path in PAGES:
            for width in (1280, 820, 400):
                assert chromium.open(running.address + path, width) == [], path
                assert chromium.value("document.querySelector('h1').textContent.trim().length") > 3, path
                assert chromium.value("document.documentElement.scrollWidth") <= width, (path, width)
                assert chromium.value("getComputedStyle(document.querySelector('header')).backgroundColor") == (
                    "rgb(18, 70, 127)"
                ), "the style sheet is there"


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_every_page_is_one_click_away_in_one_line_and_on_a_telephone_too(trouble, tmp_path):
    links = "[...document.querySelectorAll('nav.bar a')].map(link => link.getBoundingClientRect().toJSON())"
    with serving(trouble.warehouse, guard=lambda: None, person=anybody) as running, browser(tmp_path) as chromium:
        for path in ("/reconciliation", "/reconciliation?lang=en"):
            for width, lines in ((1265, 1), (1200, 1), (820, 3), (400, 5)):
                chromium.open(running.address + path, width)
                boxes = chromium.value(links)
                assert len({round(box["top"]) for box in boxes}) == lines, (path, width)
                assert len(boxes) == 12
                assert all(box["left"] >= 0 and box["right"] <= width and box["height"] > 15 for box in boxes)


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_charts_are_drawn_with_their_letters_inside_and_printed_on_paper(trouble, tmp_path):
    with serving(trouble.warehouse, guard=lambda: None, person=anybody) as running, browser(tmp_path) as chromium:
        for width in (1280, 820):
            chromium.open(f"{running.address}/indicators/{LOCAL}/{EA_SUP}?period=2025-08", width)
            assert chromium.value("document.querySelectorAll('svg.chart polyline').length") >= 2
            outside = """(() => [...document.querySelectorAll('svg.chart')].flatMap(chart => {
                const box = chart.getBoundingClientRect();
                return [...chart.querySelectorAll('text')].filter(text => {
                    const own = text.getBoundingClientRect();
                    return own.left < box.left - 1 || own.right > box.right + 1 || own.bottom > box.bottom + 1
                        || own.height < 10;
                }).map(text => text.textContent);
            }))()"""
            assert chromium.value(outside) == [], width
        chromium.ask("Emulation.setEmulatedMedia", media="print")
        chromium.open(f"{running.address}/indicators/{LOCAL}/{EA_SUP}?period=2025-08", 740)
        assert chromium.value("document.documentElement.scrollWidth") <= 740, "A4 holds the table of dossiers"
        paper = tmp_path / "trang.pdf"
        chromium.printed(paper)
        assert paper.stat().st_size > 10_000


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_a_click_does_what_the_button_says_and_a_page_of_elsewhere_cannot(trouble, tmp_path):
    state = "SELECT state FROM ops.backfills WHERE backfill_id = 2"
    with serving(trouble.warehouse, guard=lambda: None, person=anybody) as running, browser(tmp_path) as chromium:
        for act, after in (("pause", "paused"), ("resume", "open")):
            assert chromium.open(f"{running.address}/backfills/2", 1280) == []
            assert chromium.value(f"document.querySelector('button[formaction*={act}]').click()") is None
            until = time.monotonic() + 30
            while chromium.value("document.querySelector('[role=status]') === null") and time.monotonic() < until:
                time.sleep(0.1)
            assert chromium.value("location.search") == f"?done={act}"
            assert rows_of(trouble.warehouse, state) == [(after,)]
        # the same form with the same mark, from a page of another origin
        form = chromium.value("document.querySelector('form.acts').outerHTML")
        page = tmp_path / "elsewhere.html"
        page.write_text(form.replace("<form", f'<form action="{running.address}/backfills/2/pause"'))
        chromium.open(f"file://{page}", 1280)
        chromium.value("document.querySelector('form').submit()")
        until = time.monotonic() + 30
        while "Biểu mẫu không được nhận" not in (chromium.value("document.body.innerText") or ""):
            assert time.monotonic() < until, chromium.value("document.body.innerText")
            time.sleep(0.1)
        assert rows_of(trouble.warehouse, state) == [("open",)]
