"""How strange is each galaxy? Scores by name, of vectors and of images; larger = more anomalous."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from astrojepa.cache import load_arrays, save_arrays
from astrojepa.data.dataset import Dataset
from astrojepa.evaluation.anomalies import DEFAULT
from astrojepa.evaluation.anomalies.registry import (
    PIXELS,
    Features,
    all_scores,
    find,
    find_vector_score,
    mean_rank,
    vector_scores,
)
from astrojepa.evaluation.anomalies.scores import of_vectors  # noqa: F401  (without torch)
from astrojepa.evaluation.batches import vectors_path
from astrojepa.evaluation.vectors.embed import embed, pixel_pca
from astrojepa.evaluation.vectors.neighbours import check_count
from astrojepa.evaluation.vectors.standardise import check_same_width, checked_vectors, standardise
from astrojepa.progress import Listener
from astrojepa.types import Embeddings

if TYPE_CHECKING:
    from astrojepa.checkpoints.model import Model
    from astrojepa.evaluation.vectors.store_index import StoreIndex

_VERSION = 1  # part of the cache's key; raise it when the scores change


def anomaly_scores(
    new: Embeddings,
    reference: Embeddings | None = None,
    method: str = "knn",
    k: int = 20,
    *,
    seed: int = 0,
) -> np.ndarray:
    """Score each galaxy of `new` against `reference`, or against the others of `new`.

    Returns float64 (n,), larger = more anomalous. Features are standardised on the reference;
    without one a galaxy is not its own neighbour. `method` is "knn" (mean distance to the k
    nearest), "lof", "mahalanobis", "isolation" (drawn with `seed`), or any other registered score
    of vectors; each says in `scores/` what it computes and from which paper. Neighbours among more
    than 200,000 galaxies come from an index where faiss is installed (`nearest`).

    `k` is lowered to the number of other galaxies. Raises ValueError for an unknown method, k < 1,
    other widths, non-finite vectors, or nothing to compare with.

    >>> import numpy as np, astrojepa as aj
    >>> data = aj.open_dataset("simulated:20")
    >>> vectors, _ = aj.pixel_pca(data, data, components=4)
    >>> aj.anomaly_scores(vectors, method="knn", k=5).shape
    (20,)

    Examples:
        >>> scores = aj.anomaly_scores(new, reference=known, method="knn", k=5)
        >>> scores.shape == (len(new),)
        True
    """
    check_count(k)
    score = find_vector_score(method)
    vectors = checked_vectors(new)
    if reference is None:
        if len(vectors) < 2:
            raise ValueError(
                "A single galaxy cannot be scored; give a reference, or at least 2 galaxies."
            )
        (known,) = standardise(vectors)
        features = known
    else:
        known = checked_vectors(reference)
        check_same_width(known, vectors)
        known, features = standardise(known, vectors)
    others = len(known) - (reference is None)
    return score.compute(Features(known, features, min(k, others), reference is None, seed))


def score_by_name(
    model: Model, data: Dataset, name: str = DEFAULT, k: int = 20, *, progress: Listener = None
) -> np.ndarray:
    """Score every galaxy against the others of its data set: float64 (n,), larger = more anomalous.

    Scores of vectors are computed on the embeddings, or, with "pixel-pca-" before their name, on
    64 principal components of the pixels. ValueError for an unknown name, listing the known ones.
    """
    score = find(name)
    if score.parts:
        found = {
            part: score_by_name(model, data, part, k, progress=progress)
            for part in dict.fromkeys(score.parts)
        }
        return mean_rank([found[part] for part in score.parts])
    if score.needs != "vectors":
        return score.compute(model, data, progress=progress)
    on_pixels = name.startswith(PIXELS)
    if on_pixels:
        vectors = pixel_pca(data, data, progress=progress)[0]
    else:
        vectors = embed(model, data, progress=progress)
    return anomaly_scores(vectors, method=score.name, k=k)


def score_stored(found: Embeddings, data: Dataset, name: str, k: int = 20) -> np.ndarray:
    """`score_by_name` of vectors that no model here made, float64 (n,).

    Scores of pixels need images in `data`. ValueError for a score that needs a model.
    """
    score, on_pixels = find(name), name.startswith(PIXELS)
    if score.needs != "vectors" or (on_pixels and not data.has_images):
        needed = "images" if on_pixels else "a model and images"
        raise ValueError(
            f"The score {name} needs {needed}; of vectors alone there are "
            f"{', '.join(vector_scores())}."
        )
    vectors = pixel_pca(data, data)[0] if on_pixels else found
    return anomaly_scores(vectors, method=score.name, k=k)


def score_store(
    index: StoreIndex, name: str, k: int = 20, *, progress: Listener = None
) -> np.ndarray:
    """`anomaly_scores` of the galaxies of a store against each other by its index: float64 (n,).

    ValueError for a score that takes more than lists of neighbours.
    """
    score = find_vector_score(name)
    if not score.of_lists:
        lists = [name for name, score in all_scores().items() if score.of_lists]
        raise ValueError(
            f"The score {name} takes all vectors in memory; of a store there are "
            f"{', '.join(lists)}."
        )
    lists_of_all = index.all_nearest(k, progress=progress)
    features = index.index.features
    return score.compute(Features(features, features, k, True, lists=lists_of_all))


def kept_scores(embeddings: Embeddings, method: str = "knn") -> np.ndarray:
    """Return `anomaly_scores` of these galaxies against each other, cached by the vectors."""
    vectors = checked_vectors(embeddings)
    path = vectors_path("scores", f"{_VERSION} {method}", vectors)
    found = (load_arrays(path) or {}).get("scores")
    if found is None or found.shape != (len(vectors),):
        found = anomaly_scores(embeddings, method=method)
        save_arrays(path, scores=found)
    return found
