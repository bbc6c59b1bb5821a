"""A real browser shows every page whole: it refuses nothing of it, complains of nothing, and nothing sticks out."""

import pytest

from ..sql.alert_stories import EA_BUNG, EA_SUP
from .browser import CHROMIUM, browser
from .world import serving

LOCAL = "dung_han_dia_phuong"
PAGES = (
    "/", f"/units/{EA_BUNG}", "/datasets/ho_so?lang=en", "/problems", "/problems/1",
    "/indicators?period=2025-08", "/indicators/dung_han_quoc_gia?period=2025-08",
    "/indicators/thoi_gian_trung_binh?period=2025-Q3&lang=en",
    f"/indicators/dung_han_dia_phuong/{EA_SUP}?period=2025-08&part=numerator",
    "/on-time?period=2025-08&reason=received_before", f"/units/{EA_SUP}/offices?period=2025-08",
    "/index766?period=2025-08", f"/index766/{EA_SUP}?period=2025-09",
)  # fmt: skip


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_a_browser_shows_the_pages_whole_and_has_no_complaint(trouble, tmp_path):
    with serving(trouble.warehouse, guard=lambda: None) as running, browser(tmp_path) as chromium:
        for path in PAGES:
            for width in (1280, 820, 400):
                assert chromium.open(running.address + path, width) == [], path
                assert chromium.value("document.querySelector('h1').textContent.trim().length") > 3, path
                assert chromium.value("document.documentElement.scrollWidth") <= width, (path, width)
                assert chromium.value("getComputedStyle(document.querySelector('header')).backgroundColor") == (
                    "rgb(18, 70, 127)"
                ), "the style sheet is there"


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_charts_are_drawn_with_their_letters_inside_and_printed_on_paper(trouble, tmp_path):
    with serving(trouble.warehouse, guard=lambda: None) as running, browser(tmp_path) as chromium:
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
