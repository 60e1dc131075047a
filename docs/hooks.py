"""Pages of the site that are made from code: tutorials of `examples/`, commands by their help."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import nbformat
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from nbconvert import MarkdownExporter

ROOT = Path(__file__).parents[1]
NOTEBOOKS = {
    "map": "folder_to_map.ipynb",
    "probe": "own_probe.ipynb",
    "notebook": "map_in_a_notebook.ipynb",
}


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """List every decision, so that a new one needs no entry in mkdocs.yml."""
    (decisions,) = (entry for entry in config.nav or [] if "Decisions" in entry)
    pages = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    decisions["Decisions"] = [f"decisions/{path.name}" for path in pages]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages and the notebooks' pictures."""
    made: dict[str, str | bytes] = {"tutorials/minimal.md": minimal(), "commands.md": commands()}
    for page, notebook in NOTEBOOKS.items():
        made |= tutorial(page, ROOT / "examples" / notebook)
    for path, content in made.items():
        files.append(File.generated(config, path, content=content))
    return files


def minimal() -> str:
    """Show examples/minimal.py."""
    code = (ROOT / "examples" / "minimal.py").read_text()
    return (
        "# The method in 150 lines\n\n"
        "`examples/minimal.py` is the whole method in plain torch. A test gives the package's\n"
        "network the same weights and finds the same losses on one batch, to 1e-6.\n\n"
        f"```python\n{code}```\n"
    )


def tutorial(page: str, notebook: Path) -> dict[str, str | bytes]:
    """Turn an executed notebook into a page and its pictures."""
    body, resources = MarkdownExporter().from_notebook_node(nbformat.read(notebook, as_version=4))
    pictures: dict[str, str | bytes] = {}
    for name, content in resources.get("outputs", {}).items():
        pictures[f"tutorials/{page}-{name}"] = content
        body = body.replace(f"({name})", f"({page}-{name})")
    return {f"tutorials/{page}.md": body} | pictures


def commands() -> str:
    """Collect what every sub-command says about itself."""
    from astrojepa.cli import make_parser

    parts = [
        "# Commands\n\nEach command is one function of the package. `astrojepa` needs the package "
        "installed;\n`python -m astrojepa` does the same in a checkout.\n"
    ]
    for name, parser in actions(make_parser()):
        parts.append(f"\n## {name}\n\n```text\n{parser.format_help()}```\n")
    return "".join(parts)


def actions(
    parser: argparse.ArgumentParser, prefix: str = ""
) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Walk through all sub-commands, and theirs after each."""
    if parser._subparsers is None:  # argparse has no public way to list them
        return
    (subparsers,) = parser._subparsers._group_actions
    found: dict[str, argparse.ArgumentParser] = subparsers.choices
    for name, one in found.items():
        yield prefix + name, one
        yield from actions(one, f"{prefix}{name} ")
