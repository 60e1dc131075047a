"""The commands of README and how-to pages are commands, their Python runs, their files exist."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.specifiers import SpecifierSet

from astrojepa.cli import make_parser
from astrojepa.cli.train import config_from, train_parser

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
PAGES = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
LINES = sorted(
    {
        line.split("#")[0].strip()
        for page in PAGES
        for block in re.findall(r"```\n(.*?)```", page.read_text(), re.DOTALL)
        for line in block.replace("\\\n", " ").splitlines()
    }
)


@pytest.mark.parametrize("line", [line for line in LINES if line.startswith("python train.py")])
def test_every_train_command_parses(line):
    options = train_parser().parse_args(shlex.split(line)[2:])
    assert options.resume or config_from(options, "cpu")


@pytest.mark.parametrize(
    "line", [line for line in LINES if line.startswith(("python -m astrojepa", "astrojepa "))]
)
def test_every_sub_command_parses(line):
    words = shlex.split(line)
    assert make_parser().parse_args(words[words.index("astrojepa") + 1 :]).run


def test_make_targets_and_links_exist():
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"^make (\w+)", "\n".join(LINES), re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    for path in re.findall(r"\]\((?!http)([^)#]+)", README):
        assert (ROOT / path).is_file(), path


@pytest.mark.slow
@pytest.mark.parametrize("page", ["README.md", "docs/index.md"])
def test_the_python_example_runs(page):
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)
    exec(compile(code.replace("simulated:500", "simulated:150"), page, "exec"), {})


def test_the_readme_is_short():
    prose = re.sub(r"```.*?```|<!-- table.*?<!-- end -->", "", README, flags=re.DOTALL)
    assert len(prose.split()) <= 700


def test_every_python_that_the_package_names_is_tested():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = re.findall(r"Python :: (3\.\d+)", "\n".join(project["classifiers"]))
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "tests.yml").read_text())
    assert workflow["jobs"]["tests"]["strategy"]["matrix"]["python"] == named
    allowed = SpecifierSet(project["requires-python"])
    assert [version for version in map("3.{}".format, range(30)) if version in allowed] == named
    assert any(
        step.get("run", "").startswith("make test") for step in workflow["jobs"]["tests"]["steps"]
    )


def test_the_checks_before_a_commit_are_those_of_make_check():
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    rule = (ROOT / "Makefile").read_text().partition("\ncheck:")[2].partition("\n\n")[0]
    for hook in hooks:
        assert f"$(VENV)/bin/{hook['name']}" in rule.replace("format --check", "format"), hook[
            "name"
        ]


def test_the_continuous_integration_runs_the_readmes_test_command():
    assert "make test" in (ROOT / ".ci" / "run").read_text()
