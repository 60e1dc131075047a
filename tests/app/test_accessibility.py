"""axe-core on the map with its popovers, its table and what differs, and, light and narrow, on
every page: nothing serious for those who read a page by keyboard or by ear. Contrast of the dark
theme is in test_contrast.py.
"""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from explorer_page import Explorer

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore::ResourceWarning")]
SERIOUS = {"serious", "critical"}
HEADINGS = {"heading-order", "page-has-heading-one", "empty-heading"}
VIEWS = {
    "dark": {"width": 1280, "height": 900},
    "light": {"width": 390, "height": 844},
}
POPOVERS = ("Map options", "Search by image", "Export", "Add to a collection", "Heatmap options")
PAGES = {
    "galaxy": "Anomaly scores",
    "anomalies": "Score distribution",
    "probe": "Train",
    "compare": "Sweeps",
    "models": "Model comparison",
    "about": "How to read it",
}


def findings(explorer: Explorer) -> list[str]:
    """What axe-core calls serious or critical, or says of headings: rule, element and why; looked
    for once nothing appears or fades away.
    """
    explorer.calm()
    found = []
    for rule in Axe().run(explorer.page).response["violations"]:
        if rule["impact"] in SERIOUS or rule["id"] in HEADINGS:
            for node in rule["nodes"]:
                reasons = [
                    check["message"] for check in (*node["any"], *node["all"], *node["none"])
                ]
                found.append(f"{rule['id']}: {node['html'][:200]} {reasons[:1]}")
    return found


@pytest.mark.parametrize("theme", VIEWS)
def test_no_page_has_a_serious_finding(server: Any, browser: Any, theme: Any) -> None:
    context = browser.new_context(viewport=VIEWS[theme], color_scheme=theme)
    explorer = Explorer(context.new_page(), server.url)
    explorer.open("/?map=pca&galaxy=12&like=12&filter=search_rank+%3C%3D+20")
    explorer.says("20 of 200 galaxies match.")
    page, wrong = explorer.page, {}
    page.get_by_text("Histograms", exact=True).first.click()
    explorer.says("Drag over bars")
    wrong["map"] = findings(explorer)
    for name in POPOVERS:
        page.get_by_role("button", name=name).first.click()
        wrong[name] = findings(explorer)
        page.keyboard.press("Escape")
    page.get_by_text("Table", exact=True).first.click()
    page.get_by_text("What differs?", exact=True).first.click()
    explorer.says("typical galaxies of")
    wrong["table"] = findings(explorer)
    for path, awaited in PAGES.items() if theme == "light" else ():
        page.goto(f"{server.url}/{path}")
        explorer.says(awaited)
        wrong[path] = findings(explorer)
    assert not {path: found for path, found in wrong.items() if found}
    context.close()
