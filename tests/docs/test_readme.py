"""What the pages name exists: targets, commands, links, variables; and no page says where it was written."""

import re
from pathlib import Path

import pytest

from lienthong.errors import LienThongError
from lienthong.settings import Settings

from .project import ROOT, command_of, commands, documents, env_example, make_targets, texts, variables_read

TOP = {"README.md", "README.vi.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"}
PAGES = {
    path.relative_to(ROOT).as_posix(): text
    for path, text in documents().items()
    if path.relative_to(ROOT).parts[0] in {"docs", *TOP}
}
DECISIONS = {name: text for name, text in PAGES.items() if re.match(r"docs/decisions/\d", name)}
RUNBOOKS = {name: text for name, text in PAGES.items() if re.match(r"docs/runbooks/(?!README)", name)}
PARTS = ["Context", "Decision", "Consequences", "A change violates this when"]

# Folders of one machine, and the addresses from which packages come: neither is part of the project.
MACHINE = re.compile(r"(?<![\w.:/-])/(?:home|Users|root|work|mnt)/[\w.-]+")
INDEXES = re.compile(r"pythonhosted|pypi\.(?:org|python)|https?://\S+/simple\b|registry\.npmjs|proxy\.golang")


def code(text):
    """What stands in a block or between backticks: the part of a page that is copied into a terminal."""
    blocks = re.findall(r"^ *```\w*\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)
    rest = re.sub(r"^ *```.*?^ *```", "", text, flags=re.MULTILINE | re.DOTALL)
    return [*blocks, *re.findall(r"`([^`\n]+)`", rest)]


def headings(text):
    bare = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    return [line.split(" ", 1) for line in bare.splitlines() if line.startswith("#")]


def test_there_are_pages():
    assert set(PAGES) >= TOP
    assert len(DECISIONS) >= 11
    assert len(RUNBOOKS) >= 3


# -- commands


@pytest.mark.parametrize("page", PAGES)
def test_every_make_target_exists(page):
    named = {target for part in code(PAGES[page]) for target in re.findall(r"(?:^|[\s`])make ([a-z][a-z-]*)", part)}
    assert named - make_targets() == set()


def test_the_main_targets_are_explained():
    for target in ("run", "test", "up", "down", "check", "lock", "help"):
        assert target in make_targets()
        assert f"make {target}" in PAGES["README.md"], target


@pytest.mark.parametrize("page", PAGES)
def test_every_command_exists(page):
    for part in code(PAGES[page]):
        for line in re.findall(r"^ *(?:\.venv/bin/)?lienthong ([^\n#]+)", part.replace("\\\n", " "), re.MULTILINE):
            name, rest = command_of(line.split())
            for option in re.findall(r"(?<!\w)--[a-z-]+", " ".join(rest)):
                assert option in commands()[name], f"lienthong {name} {option}"


@pytest.mark.parametrize("page", PAGES)
def test_every_module_exists(page):
    for part in code(PAGES[page]):
        for module in re.findall(r"python -m (lienthong[\w.]*)", part):
            assert (ROOT / "include" / Path(*module.split("."))).with_suffix(".py").is_file(), module


@pytest.mark.parametrize("page", PAGES)
def test_every_service_exists(page):
    from .compose import services

    for part in code(PAGES[page]):
        for name in re.findall(r"docker compose exec ([a-z-]+)", part):
            assert name in services()


@pytest.mark.parametrize("page", PAGES)
def test_every_variable_exists(page):
    known = {*env_example()["set"], *env_example()["shown"]} | variables_read()
    for part in code(PAGES[page]):
        for name in re.findall(
            r"\b(?:LIENTHONG|SANDBOX|AIRFLOW_CONN)_[A-Z_]*[A-Z]\b|\bAIRFLOW_(?!_)[A-Z_]*[A-Z]\b", part
        ):
            assert name in known, name


# -- links and files


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page):
    folder = (ROOT / page).parent
    for target in re.findall(r"\]\(([^)\s]+)\)", PAGES[page]):
        if not re.match(r"https?://|mailto:|#", target):
            assert (folder / target.split("#")[0]).exists(), target


@pytest.mark.parametrize("page", PAGES)
def test_every_file_that_is_named_exists(page):
    """Paths in backticks that begin with a folder of the repository, without placeholders; examples are told so."""
    folders = {path.name for path in ROOT.iterdir() if path.is_dir()} - {"var", ".venv"}
    for part in code(PAGES[page]):
        for path in re.findall(r"(?<![\w./<])([\w.-]+/[\w./*<>{}-]*[\w/>}])", part):
            written = not re.search(r"[*<>{}]", path) and "giay_phep" not in path
            if path.split("/")[0] in folders and written:
                assert (ROOT / path).exists(), path


# -- two languages


def test_the_vietnamese_page_has_the_parts_of_the_english_one():
    english, vietnamese = headings(PAGES["README.md"]), headings(PAGES["README.vi.md"])
    assert [level for level, _ in english] == [level for level, _ in vietnamese]


def test_the_vietnamese_page_names_the_same_commands_files_and_variables():
    def named(text):
        parts = "\n".join(code(text))
        commands_named = re.findall(r"make [a-z]+|lienthong [a-z]+", parts)
        return set(commands_named) | set(
            re.findall(r"\b[A-Z]+_[A-Z_]+\b|[\w./<>-]+\.(?:md|json|py|csv|yaml|sql)\b", parts)
        )

    assert named(PAGES["README.md"]) == named(PAGES["README.vi.md"])


def test_the_vietnamese_page_is_written_with_diacritics():
    import unicodedata

    text = PAGES["README.vi.md"]
    assert text == unicodedata.normalize("NFC", text)
    prose = re.sub(r"```.*?```|`[^`]*`|\([^)]*\)", " ", text, flags=re.DOTALL)
    marked = [word for word in re.findall(r"[^\W\d_]+", prose) if not word.isascii()]
    assert len(marked) > 0.45 * len(re.findall(r"[^\W\d_]+", prose))


# -- settings


def test_every_setting_is_explained():
    example = {*env_example()["set"], *env_example()["shown"]}
    for field in Settings.__slots__:
        assert f"LIENTHONG_{field.upper()}" in example


def test_the_defaults_that_are_shown_are_true():
    shown, defaults = env_example()["shown"], Settings.from_env({})
    for field in ("agency", "lanes", "readers"):
        assert shown[f"LIENTHONG_{field.upper()}"] == str(getattr(defaults, field))


def test_a_setting_of_the_example_is_refused_by_its_name():
    with pytest.raises(LienThongError, match="LIENTHONG_LANES"):
        Settings.from_env({"LIENTHONG_LANES": "many"})


# -- decisions and runbooks


@pytest.mark.parametrize("name", DECISIONS)
def test_a_decision_has_its_parts(name):
    number = Path(name).name[:4]
    (first, title), *rest = headings(DECISIONS[name])
    assert (first, title[:5]) == ("#", f"{number}.")
    assert [heading for _, heading in rest] == PARTS
    bodies = re.split(r"^## .*$", DECISIONS[name], flags=re.MULTILINE)[1:]
    assert all(body.strip() for body in bodies)
    assert bodies[-1].count("\n- ") >= 1


def test_decisions_are_numbered_and_listed():
    numbers = [int(Path(name).name[:4]) for name in sorted(DECISIONS)]
    assert numbers == list(range(1, len(numbers) + 1))
    listed = re.findall(r"\]\((\d{4}[\w-]+\.md)\)", PAGES["docs/decisions/README.md"])
    assert listed == [Path(name).name for name in sorted(DECISIONS)]


@pytest.mark.parametrize("name", RUNBOOKS)
def test_a_runbook_has_its_parts_and_is_listed(name):
    found = [heading for _, heading in headings(RUNBOOKS[name])]
    assert found[1:4] == ["What you see", "What has happened, and what has not", "What to do"]
    assert f"]({Path(name).name})" in PAGES["docs/runbooks/README.md"]


def test_the_queries_of_the_runbooks_run(province):
    queries = [(name, query) for name, text in RUNBOOKS.items() for query in _sql(text)]
    assert queries
    for name, query in queries:
        with province.session() as session:
            assert session.execute(query).rowcount >= 0, name


def _sql(text):
    return re.findall(r"^ *```sql\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)


# -- what no file says


def test_no_file_names_a_folder_of_one_machine():
    found = [f"{path.name}: {match[0]}" for path, text in texts().items() for match in MACHINE.finditer(text)]
    assert found == []


def test_no_file_names_a_package_index():
    ours = Path(__file__)
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path, text in texts().items()
        if path != ours
        for match in INDEXES.finditer(text)
    ]
    assert found == []


def test_the_licence_is_whole():
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License" in text
    assert "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text
    assert 'license = "Apache-2.0"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
