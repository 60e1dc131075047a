"""Every example of docs/extending.md runs, and does what the page says."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BLOCKS = re.findall(
    r"^## (.*?)$.*?^```python\n(.*?)^```", (ROOT / "docs" / "extending.md").read_text(), re.M | re.S
)

USES = {
    "An anomaly score": """
import numpy as np, astrojepa as aj
from astrojepa.evaluation.anomalies.registry import names
data = aj.open_dataset("simulated:12")
vectors, _ = aj.pixel_pca(data, data, components=3)
found = aj.anomaly_scores(vectors, method="isolated")
np.testing.assert_allclose(found, aj.anomaly_scores(vectors, method="knn", k=1), rtol=1e-6)
assert {"isolated", "pixel-pca-isolated"} <= set(names())
""",
    "A data format": """
import numpy as np, pytest, astrojepa as aj
np.save("a.npy", np.arange(4 * 8 * 8 * 3, dtype=np.uint8).reshape(4, 8, 8, 3))
data = aj.open_dataset("a.npy")
assert len(data) == 4 and data[2].image.tolist() == np.load("a.npy")[2].tolist()
np.save("b.npy", np.zeros(3))
with pytest.raises(aj.DataError, match="expected uint8"):
    aj.open_dataset("b.npy")
""",
    "An encoder": """
import torch
from astrojepa.config import TrainConfig, replace
from astrojepa.checkpoints.weights import build_network
from astrojepa.models.encoders.registry import check_encoder
config = replace(TrainConfig(), backbone="patchwise", image_size=32, patch_size=8, width=12, heads=3)
check_encoder(config)
assert build_network(config, torch.device("cpu")).embed(torch.zeros(2, 3, 32, 32)).shape == (2, 12)
""",
    "A statistic for SIGReg": """
import torch, astrojepa as aj
from astrojepa.config import ObjectiveConfig
loss = aj.SIGReg(statistic=Variance())
assert loss(torch.zeros(8, 4), step=0) == 1
from astrojepa.objective.sigreg import SIGReg
assert SIGReg.of(ObjectiveConfig(sigreg_statistic="variance"), 0).floor(10) == 0.2
seen = torch.stack([loss(torch.randn(40, 4), step=k) for k in range(300)])
assert abs(seen.mean() - loss.floor(40)) < 0.25 * loss.floor(40)
""",
    "A page of the explorer": """
from types import SimpleNamespace
import numpy as np
from streamlit.testing.v1 import AppTest
def page():
    from pathlib import Path
    from types import SimpleNamespace
    import numpy as np
    space = {}
    exec(Path("example.py").read_text(), space)
    data = SimpleNamespace(classes=("a", "b"), labels=np.array([0, 1, 1]))
    space["PAGE"].show(SimpleNamespace(data=data))
test = AppTest.from_function(page).run()
assert not test.exception
assert [item.value for item in test.markdown] == ["a: 1", "b: 2"]
""",
}


def test_every_example_is_tried():
    assert [title for title, _ in BLOCKS] == list(USES)


TRY_EACH = """
import contextlib, json, runpy, sys, traceback
from pathlib import Path
failed = {}
for folder in map(Path, sys.argv[1:]):
    with contextlib.chdir(folder):
        try:
            runpy.run_path("program.py", run_name="__main__")
        except BaseException:
            failed[folder.name] = traceback.format_exc()
print(json.dumps(failed))
"""


@pytest.fixture(scope="module")
def failed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """How the examples failed that did, by title; all ran in one process, which imports torch once
    and which none of them leaves as it was.
    """
    folder = tmp_path_factory.mktemp("examples")
    for title, code in BLOCKS:
        (folder / title).mkdir()
        (folder / title / "example.py").write_text(code)
        program = f"import sys; sys.path.insert(0, {str(ROOT)!r})\n" + code + USES[title]
        (folder / title / "program.py").write_text(program)
    places = [str(folder / title) for title, _ in BLOCKS]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", TRY_EACH, *places],
        env=os.environ | {"ASTROJEPA_CACHE": str(folder / "cache")},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.slow
@pytest.mark.parametrize("title", [title for title, _ in BLOCKS])
def test_an_example_runs(title: str, failed: dict[str, str]) -> None:
    assert title not in failed, failed[title][-2000:]
