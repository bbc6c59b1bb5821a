"""An indicator is declared once and whole; what is wrong in a declaration is named, and the page follows from it."""

import re
from datetime import date, datetime

import pytest
import yaml
from typer.testing import CliRunner

from lienthong.errors import NeedsPerson
from lienthong.indicators import page
from lienthong.indicators.declared import PATH, TARGETS, declared
from lienthong.indicators.measures import KNOWN, STORED
from lienthong.settings import ROOT


def test_each_indicator_says_all_of_itself(contracts):
    known = declared(ROOT)
    for one in known.values():
        assert re.fullmatch(r"[a-z0-9_]+", one.id)
        assert one.formula.endswith(".")
        assert one.bare or one.denominator_name, f"{one.id}: a share of what?"
        assert one.group in page.GROUPS
        assert one.base in page.BASES
        assert set(one.sources) <= set(contracts), one.id
        assert one.owner in {contract.path.parent.name for contract in contracts.values()}
    assert len({one.name for one in known.values()}) == len(known)


def test_the_measures_are_the_columns_of_the_cells(province):
    with province.session() as session:
        rows = session.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_schema = 'marts' AND table_name = 'cells'"
        )
        columns = {row["column_name"] for row in rows}
    assert columns - {"unit", "kind", "start", "p90_minutes"} == set(STORED)
    used = {name.lstrip("-") for one in declared(ROOT).values() for name in (*one.numerator, *one.denominator)}
    assert used <= KNOWN


def test_the_page_is_the_one_that_the_declarations_make():
    assert (ROOT / page.PATH).read_text(encoding="utf-8") == page.render(ROOT), "run: lienthong indicators docs"


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"numerator": ["recieved"]}, "recieved"),
        ({"denominator": []}, "denominator"),
        ({"form": "share"}, "share"),
        ({"better": "left"}, "better"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_wrong_declaration_is_named(tmp_path, change, word):
    entries = yaml.safe_load((ROOT / PATH).read_text(encoding="utf-8"))
    entries["ty_le_truc_tuyen"] |= change
    (tmp_path / "sql/marts").mkdir(parents=True)
    (tmp_path / PATH).write_text(yaml.safe_dump(entries, allow_unicode=True), encoding="utf-8")
    (tmp_path / TARGETS).write_text((ROOT / TARGETS).read_text(encoding="utf-8"), encoding="utf-8")
    with pytest.raises(NeedsPerson, match=f"ty_le_truc_tuyen.*{word}"):
        declared(tmp_path)


def test_the_list_command_names_them_all():
    from lienthong.cli import app

    out = CliRunner().invoke(app, ["indicators", "list", "--json"])
    assert out.exit_code == 0, out.output
    assert all(f'"{name}"' in out.output for name in declared(ROOT))


def test_a_day_means_until_its_end():
    from lienthong.commands.indicators import _moment

    assert _moment(datetime(2025, 8, 20)).isoformat() == "2025-08-21T00:00:00+07:00"
    assert _moment(datetime(2025, 8, 20, 9)).date() == date(2025, 8, 20)
