"""The README's commands are commands, its Python runs, its files exist."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from astrojepa.cli import make_parser
from astrojepa.cli.train import config_from, train_parser

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
LINES = [line.split("#")[0].strip() for block in re.findall(r"```\n(.*?)```", README, re.DOTALL) for line in block.splitlines()]


@pytest.mark.parametrize("line", [line for line in LINES if line.startswith("python train.py")])
def test_every_train_command_parses(line):
    options = train_parser().parse_args(shlex.split(line)[2:])
    assert options.resume or config_from(options, "cpu")


@pytest.mark.parametrize("line", [line for line in LINES if line.startswith("python -m astrojepa")])
def test_every_sub_command_parses(line):
    assert make_parser().parse_args(shlex.split(line)[3:]).run


def test_make_targets_and_links_exist():
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"^make (\w+)", "\n".join(LINES), re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    for path in re.findall(r"\]\((?!http)([^)]+)\)", README):
        assert (ROOT / path).is_file(), path


@pytest.mark.slow
def test_the_python_example_runs(monkeypatch):
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    exec(compile(code.replace("simulated:500", "simulated:150"), "README.md", "exec"), {})


def test_the_continuous_integration_runs_the_readmes_test_command():
    assert "make test" in (ROOT / ".ci" / "run").read_text()
