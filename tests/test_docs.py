"""The documentation tells the truth: its commands and programs are run as they stand there, and every command has its place.

A page of the tutorial or of the how-to guides is one shell session in an empty folder. Of its fenced blocks,

- ``console`` is typed: each line after ``$`` is run, what follows it must be what it prints (``...`` stands for anything);
- a block with a ``:caption:`` is a file, written under that name;
- ``python`` without one is run as a program;
- anything else (``shell``, ``text``, …) is only read by people.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import click
import pytest
from connector_sdk import cli

from tests.servers.sshd import Server, server

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.glob("tutorials/*.md")), *sorted(DOCS.glob("how-to/*.md"))]
FENCE = re.compile(r"^(?P<fence>`{3,})(?P<info>[^\n]*)\n(?P<body>.*?)^(?P=fence) *$", re.DOTALL | re.MULTILINE)
SERVED = "files.example.org"  # in a page, this host stands for a server that the test starts


@dataclass(frozen=True)
class Block:
    """One fenced block: its language, its file name if it has one, and what is in it."""

    language: str
    caption: str | None
    body: str


def blocks(page: Path) -> Iterator[Block]:
    for match in FENCE.finditer(page.read_text(encoding="utf-8")):
        info, body, caption = match["info"].strip(), match["body"], None
        if info.startswith("{code-block}"):
            info = info.removeprefix("{code-block}").strip()
            while option := re.match(r":(\w+): *(.*)\n", body):
                caption = option[2] if option[1] == "caption" else caption
                body = body[option.end() :]
            body = body.removeprefix("\n")
        yield Block(info, caption, body)


@dataclass(frozen=True)
class Step:
    """One command of a session, and what it is said to print (None: nothing is said)."""

    command: str
    expected: str | None


def steps(page: Path, place: Path, running: Server | None) -> Iterator[Step]:
    for number, block in enumerate(blocks(page)):
        kept = place / f"{number}.{block.language or 'txt'}"
        if block.caption:
            kept.write_text(reachable(block.body, running), encoding="utf-8")
            yield Step(f'mkdir -p "$(dirname "$START/{block.caption}")" && cp {kept} "$START/{block.caption}"', None)
        elif block.language == "python":
            kept.write_text(block.body, encoding="utf-8")
            yield Step(f"python {kept}", None)
        elif block.language == "console":
            for typed in re.split(r"^\$ ", block.body, flags=re.MULTILINE)[1:]:
                command, printed = re.match(r"((?:[^\n]*\\\n)*[^\n]*)\n?(.*)", typed, re.DOTALL).groups()
                yield Step(command, printed if printed.strip() else None)


def reachable(text: str, running: Server | None) -> str:
    """A configuration that names the example server, made to name the one that runs."""
    if running is None or f"host: {SERVED}" not in text:
        return text
    known = [
        key for key in ("host", "port", "user", "key_file", "known_hosts", "fingerprint", "folder") if f"\n{key}:" in f"\n{text}"
    ]
    rest = "".join(line for line in text.splitlines(keepends=True) if not line.startswith(tuple(f"{key}:" for key in known)))
    return "".join(f"{key}: {value}\n" for key, value in running.settings.items()) + rest


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment such as the tutorial has the reader make; pages may install into it."""
    place = tmp_path_factory.mktemp("docs") / "venv"
    uv = Path(sys.executable).with_name("uv")
    packages = [
        "-e",
        f"{ROOT}[codegen,testing]",
        "-e",
        f"{ROOT / 'connectors' / 'sftp'}",
        "-e",
        f"{ROOT / 'connectors' / 'odbc'}",
        "polars",
        "duckdb",
        "mypy",
        "ruff",
        "hatchling",
    ]
    for command in (
        ["venv", "--seed", "--python", sys.executable, place],
        ["pip", "install", "--python", place / "bin/python", *packages],
    ):
        subprocess.run([uv, "-q", *command], check=True, cwd=ROOT)
    return place


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_does_what_it_says(page: Path, environment: Path, tmp_path: Path) -> None:
    home, work, kept = (tmp_path / name for name in ("home", "work", "kept"))
    for folder in (home, work, kept):
        folder.mkdir()
    (home / "connector-sdk").symlink_to(ROOT)
    if page.parent == ROOT:
        (work / "tests").symlink_to(ROOT / "tests")  # what the README shows is run in the checkout
    with ExitStack() as stack:
        running = None
        if SERVED in page.read_text(encoding="utf-8"):
            running = stack.enter_context(server(tmp_path))
            sample = ROOT / "tests" / "demo" / "data" / "runways.csv"
            (running.folder / "runways-2024-05-01.csv").write_bytes(sample.read_bytes())
        session = list(steps(page, kept, running))
        if not session:
            pytest.skip(f"{page.name} has nothing to run")
        done = run(session, work, home, environment)
    for step, (printed, status), following in zip(session, done, [*session[1:], None], strict=True):
        asks = following is not None and "$?" in following.command
        assert status == 0 or asks, f"`{step.command}` left with {status}\n{printed}"
        if step.expected is not None:
            assert matches(step.expected, printed), (
                f"`{step.command}` printed\n{printed}\nwhere {page.name} says\n{step.expected}"
            )


def run(session: list[Step], work: Path, home: Path, environment: Path) -> list[tuple[str, int]]:
    """Run a session in one shell; what each command printed, and its exit status."""
    script = ["exec 2>&1", "START=$PWD"]
    for step in session:
        script += [step.command, "__status=$?; printf '\\036%s\\036' $__status; (exit $__status)"]
    variables = {
        **{key: value for key, value in os.environ.items() if not key.startswith(("CONNECTOR_", "PYTEST_", "PYTHONPATH"))},
        "PATH": f"{environment / 'bin'}:{os.environ['PATH']}",
        "VIRTUAL_ENV": str(environment),
        "HOME": str(home),
        "COLUMNS": "120",
        "NO_COLOR": "1",
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
    }
    done = subprocess.run(
        ["bash", "--norc", "-c", "\n".join(script)],
        cwd=work,
        env=variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    parts = done.stdout.split("\036")
    assert len(parts) == 2 * len(session) + 1, f"the session ended early:\n{done.stdout}\n{done.stderr}"
    return [(printed, int(status)) for printed, status in zip(parts[0::2], parts[1::2], strict=False)]


def matches(expected: str, printed: str) -> bool:
    """Whether `printed` is what is `expected`, where ``...`` stands for anything and space at line ends for nothing."""

    def lines(text: str) -> str:
        return "\n".join(line.rstrip() for line in text.strip("\n").splitlines())

    pattern = ".*?".join(re.escape(part) for part in lines(expected).split("..."))
    return re.fullmatch(pattern, lines(printed), re.DOTALL) is not None


# -- every command has its place ---------------------------------------------------------------------------------------------


def leaves(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(command, info_name=name)
    if not isinstance(command, click.Group):
        yield name, command
        return
    for child in command.list_commands(context):
        found = command.get_command(context, child)
        if found is not None:
            yield from leaves(found, f"{name} {child}")


COMMANDS = dict(leaves(cli.main, "connector"))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_occurs_in_the_guides(name: str) -> None:
    texts = " ".join(" ".join(page.read_text(encoding="utf-8").split()) for page in PAGES)
    assert re.search(rf"\b{name}\b", texts), f"no page of {', '.join(p.stem for p in PAGES)} shows `{name}`"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_says_what_it_does_and_shows_an_example(name: str) -> None:
    command = COMMANDS[name]
    assert command.help
    group = name.rsplit(" ", 1)[0]
    epilogs = f"{command.epilog}\n{COMMANDS[group].epilog if group in COMMANDS else ''}"
    assert f"{name} " in epilogs or f"{name}\n" in epilogs + "\n"


def test_every_page_is_reached_from_the_index() -> None:
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    pages = {
        p.relative_to(DOCS).with_suffix("").as_posix()
        for folder in ("tutorials", "how-to", "reference", "explanation")
        for p in (DOCS / folder).glob("*.md")
    }
    assert {page for page in pages if page not in index} == set()


def test_the_readme_shows_the_two_commands_that_matter_first() -> None:
    first_screen = "\n".join((ROOT / "README.md").read_text(encoding="utf-8").splitlines()[:60])
    for wanted in ("make demo", "make test", "```python", "flow.svg"):
        assert wanted in first_screen
