"""Simulated galaxies as a data set: "simulated", "simulated:COUNT", "simulated:COUNT:SEED"."""

from __future__ import annotations

from astrojepa.data import DEFAULT_SIMULATED, DataError, is_simulated
from astrojepa.data.dataset import Dataset
from astrojepa.data.readers.registry import Selection, reader
from astrojepa.progress import Listener

MAX_SIMULATED = 1_000_000


@reader("simulated[:COUNT[:SEED]]", is_simulated, gives_flux=True)
def open_simulated(source: str, selection: Selection, progress: Listener) -> Dataset:
    """Draw the galaxies that `source` asks for; 1000 with seed 0 where it does not say.

    With bands their flux is drawn too, in nanomaggies per pixel of 0.262 arcseconds.
    """
    from astrojepa.data.simulate.fluxes import with_flux
    from astrojepa.data.simulate.simulator import simulate

    count, seed = count_and_seed(source)
    data = simulate(count, seed=seed, progress=progress)
    return with_flux(data, selection.bands, seed) if selection.bands else data


def count_and_seed(source: str) -> tuple[int, int]:
    """Read the numbers of "simulated[:COUNT[:SEED]]"; DataError for others."""
    parts = source.split(":")[1:]
    numbers = [
        int(part) for part in parts if part.isascii() and part.isdecimal() and len(part) < 10
    ]
    if len(numbers) != len(parts) or len(parts) > 2:
        raise DataError(
            f"{source!r} is not simulated[:COUNT[:SEED]] with whole numbers, e.g. simulated:5000 "
            f"or simulated:5000:7."
        )
    count, seed = (numbers + [DEFAULT_SIMULATED, 0][len(numbers) :])[:2]
    if not 1 <= count <= MAX_SIMULATED:
        raise DataError(
            f"{source!r} asks for {count} galaxies; the simulator makes 1 to {MAX_SIMULATED:,}."
        )
    return count, seed
