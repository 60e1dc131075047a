"""Write the tables of the pages from the JSON of benchmarks and reports, between their marker
comments.

python -m benchmarks.page [--check]
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import Any

from benchmarks import explorer_tables, report_tables, scale_tables, tables

ROOT = Path(__file__).parents[1]
DOCS = ("results", "performance", "reliability", "hosting", "experiments", "scale")
PAGES = (*(ROOT / "docs" / f"{name}.md" for name in DOCS), ROOT / "README.md")
RESULTS, REPORTS = ROOT / "benchmarks" / "results", ROOT / "docs" / "reports"
TABLES = tables.TABLES | {
    function.__name__: function
    for function in (
        report_tables.summary,
        report_tables.results,
        report_tables.zoo,
        report_tables.physics,
        report_tables.lambda_study,
        report_tables.size_study,
        report_tables.depth_study,
        explorer_tables.projections,
        explorer_tables.app_latency,
        explorer_tables.app_latency_latents,
        explorer_tables.app_columns,
        explorer_tables.app_load,
        explorer_tables.app_load_50,
        explorer_tables.app_memory,
        explorer_tables.hosted_start,
        explorer_tables.first_look,
        scale_tables.scale_stores,
        scale_tables.scale_neighbours,
        scale_tables.scale_maps,
        scale_tables.scale_select,
        scale_tables.scale_growth,
        scale_tables.scale_explorer,
    )
}
MARKED = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def read_results(folder: Path = RESULTS) -> dict[str, Any]:
    """Read every JSON file of a folder, by name without the suffix; the reports under "reports"."""

    def read(folder: Path) -> dict[str, Any]:
        return {path.stem: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}

    return read(folder) | {"reports": read(REPORTS)}


def with_tables(text: str, results: dict[str, Any]) -> str:
    """Return the page with every marked table made anew; ValueError for a marker that names no
    table.
    """

    def fill(match: re.Match[str]) -> str:
        name = match[2]
        if name not in TABLES:
            raise ValueError(f"The page asks for a table {name!r}; there are {', '.join(TABLES)}.")
        return f"{match[1]}{TABLES[name](results)}\n{match[3]}"

    return MARKED.sub(fill, text)


def main(arguments: list[str] | None = None) -> None:
    """Rewrite the page, or only say whether it is up to date."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--check",
        action="store_true",
        help="change nothing; fail if a table is not that of the JSON",
    )
    options = parser.parse_args(arguments)
    results = read_results()
    for page in PAGES:
        text = page.read_text()
        wanted = with_tables(text, results)
        if not options.check:
            page.write_text(wanted)
        elif text != wanted:
            raise SystemExit(
                f"{page} does not show what {RESULTS} and {REPORTS} hold; run: python -m "
                f"benchmarks.page"
            )


if __name__ == "__main__":
    main()
