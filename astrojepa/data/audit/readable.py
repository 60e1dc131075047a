"""Whether every image of a data set can be read: header and pixels, decoded in full."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from astrojepa.data import DataError
from astrojepa.data.dataset import Dataset
from astrojepa.progress import Listener, reporting


@dataclass(frozen=True)
class Readability:
    """Readable images by size "width x height", most frequent first; a sentence per bad one."""

    sizes: dict[str, int]
    complaints: tuple[str, ...]

    @property
    def num_readable(self) -> int:
        """Number of images that can be read."""
        return sum(self.sizes.values())


def check_pictures(data: Dataset, progress: Listener = False) -> Readability:
    """Decode every image of a data set, in two threads; none is kept."""

    def decode(row: int) -> tuple[str, str]:
        try:
            height, width = data.reader.read(row).shape[:2]
        except DataError as error:
            return "", str(error)
        return f"{width} x {height}", ""

    sizes: Counter[str] = Counter()
    complaints = []
    with ThreadPoolExecutor(2) as pool, reporting(progress, len(data), "checking images") as report:
        for done, (size, complaint) in enumerate(pool.map(decode, data.rows.tolist()), start=1):
            if complaint:
                complaints.append(complaint)
            else:
                sizes[size] += 1
            report(done)
    return Readability(dict(sizes.most_common()), tuple(complaints))
