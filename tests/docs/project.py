"""What the documents and the container files are compared with: the repository, its Makefile and its command line."""

import re
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

TEXT_ENDINGS = {
    "", ".cfg", ".csv", ".example", ".ini", ".json", ".md", ".py", ".sh", ".sql", ".toml", ".tsv", ".txt", ".yaml",
    ".yml",
}  # fmt: skip


@cache
def tracked():
    """Every file that belongs to the repository: what Git knows or would add."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, check=True,
    ).stdout  # fmt: skip
    paths = [ROOT / name for name in listed.decode().split("\0") if name]
    return sorted(path for path in paths if path.is_file())


@cache
def texts():
    """The text files among them, with their content."""
    return {path: path.read_text(encoding="utf-8") for path in tracked() if path.suffix in TEXT_ENDINGS}


@cache
def documents():
    """The pages that people read."""
    return {path: text for path, text in texts().items() if path.suffix == ".md"}


@cache
def make_targets():
    """Names that ``make`` takes."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z][a-z-]*):(?!=)", makefile, re.MULTILINE))


@cache
def commands():
    """Commands of ``lienthong``, those of a group as ``group command``, with the options that each of them takes."""
    import typer

    from lienthong.cli import app

    found = {}

    def gather(words, command):
        inner = getattr(command, "commands", {})
        # a group is named alone where all of it is meant, or its default command
        alone = inner.get(getattr(command, "default", ""), command)
        params = alone.params if alone is not command or not inner else ()
        found[words] = {o for p in params for o in (*p.opts, *p.secondary_opts)}
        for sub, one in inner.items():
            gather(f"{words} {sub}", one)

    for name, command in typer.main.get_command(app).commands.items():
        gather(name, command)
    return found


def command_of(words):
    """The longest command that the words begin with, and the words after it."""
    for count in (3, 2, 1):
        if " ".join(words[:count]) in commands():
            return " ".join(words[:count]), words[count:]
    raise AssertionError(f"there is no command lienthong {' '.join(words[:2])}")


@cache
def variables_read():
    """Variables of this project that its code reads, from the text of the code."""
    found = set()
    for path, text in texts().items():
        if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in ("include", "dags", "plugins"):
            found |= set(re.findall(r"\b(?:LIENTHONG|SANDBOX|AIRFLOW_CONN)_[A-Z_]*[A-Z]\b", text))
    return found


@cache
def env_example():
    """Variables of ``.env.example``: those that are set, with their value, and those that only show a default."""
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    found = {"set": {}, "shown": {}}
    for line in lines:
        match = re.fullmatch(r"(# )?([A-Z][A-Z0-9_]*)=(.*)", line)
        if match:
            found["shown" if match[1] else "set"][match[2]] = match[3].strip("'")
    return found
