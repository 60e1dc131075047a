"""Metrics as TensorBoard shows them: the numbers of metrics.jsonl in groups, over the step."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

GROUPS = {
    "loss": ("total", "prediction", "invariance", "sigreg"),
    "gauge": (
        "sigreg_over_floor",
        "clean_sigreg_over_floor",
        "explained_variance",
        "token_spread",
        "effective_rank",
        "feature_std",
        "mean_cosine",
        "alarm",
    ),
    "probe": ("linear_accuracy", "knn_accuracy"),
    "optim": ("learning_rate", "gradient_norm", "epoch"),
    "speed": ("images_per_second",),
}
_TAGS = {name: f"{group}/{name}" for group, names in GROUPS.items() for name in names}


class TensorBoardLog:
    """Writes one row of metrics after another into a folder that `tensorboard --logdir` opens.

    `after` is the last step that stands: what an earlier, interrupted process wrote beyond it is
    dropped from display, so that a resumed run shows every step once.
    """

    def __init__(self, folder: str | Path, after: int = 0) -> None:
        try:
            # seconds to load, and most runs do without
            from torch.utils.tensorboard import SummaryWriter
        except ModuleNotFoundError as error:
            raise ValueError(
                "TensorBoard is not installed; install it with: pip install tensorboard"
            ) from error
        _let_the_second_pass(Path(folder))
        self.writer = SummaryWriter(str(folder), purge_step=after + 1)

    def write(self, row: dict[str, Any]) -> None:
        """Write a row at its step: numbers as curves, words as text, None not at all."""
        for name, value in row.items():
            if name == "step" or value is None:
                continue
            tag = _TAGS.get(name, f"other/{name}")
            if isinstance(value, str):
                self.writer.add_text(tag, value, row["step"])
            else:
                self.writer.add_scalar(tag, float(value), row["step"])
        self.writer.flush()

    def close(self) -> None:
        """Finish the file."""
        self.writer.close()


def _let_the_second_pass(folder: Path) -> None:
    """Wait, a second at most, until a new file of events comes last: TensorBoard reads them in the
    order of their names, which begin with the second and go on with a counter (9 after 10).
    """
    for _ in range(21):
        if not any(folder.glob(f"events.out.tfevents.{int(time.time()):010d}.*")):
            return
        time.sleep(0.05)


def write_tensorboard(rows: Iterable[dict[str, Any]], folder: str | Path) -> None:
    """Write rows of metrics.jsonl for TensorBoard, replacing earlier ones."""
    with contextlib.closing(TensorBoardLog(folder)) as log:
        for row in rows:
            log.write(row)
