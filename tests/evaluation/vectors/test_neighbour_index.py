"""The index of very many vectors beside comparing all; where it is used, kept and made again."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pyarrow import parquet

import astrojepa as aj
from astrojepa.cli import main
from astrojepa.evaluation.anomalies.scoring import score_store
from astrojepa.evaluation.vectors import neighbour_index, neighbours
from astrojepa.evaluation.vectors.neighbour_index import build_index
from astrojepa.evaluation.vectors.recall import measure_recall
from astrojepa.evaluation.vectors.simulated_store import FIRST_ID, Mixture, simulate_store
from astrojepa.evaluation.vectors.standardise import scaling_of, standardisation
from astrojepa.evaluation.vectors.store import open_store
from astrojepa.evaluation.vectors.store_index import FACTS, FEATURES, LISTS, open_index
from astrojepa.types import Embeddings
from benchmarks.true_neighbours import true_neighbours

needs_faiss = pytest.mark.skipif(
    not neighbour_index.is_available(), reason="faiss is not installed: pip install faiss-cpu"
)
MIXTURE = Mixture(4000, width=16, seed=1)


@pytest.fixture(scope="module")
def store_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stores") / "store"
    simulate_store(MIXTURE, folder)
    return folder


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred vectors are large here."""
    for module in (neighbour_index, neighbours):
        monkeypatch.setattr(module, "LARGE", 100)
    monkeypatch.setattr(neighbours, "_MANY", 100)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ASTROJEPA_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def kept(cache: Path) -> list[Path]:
    return sorted(cache.glob("neighbours-*"))


def test_the_scaling_of_batches_is_that_of_all_vectors_together() -> None:
    vectors = np.random.default_rng(0).normal(5, 3, size=(1000, 7)).astype(np.float32)
    vectors[:, 3] = 2.5
    batches = (vectors[first:last] for first, last in ((0, 1), (1, 400), (400, 1000)))
    for found, expected in zip(scaling_of(batches), standardisation(vectors), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-6)


@needs_faiss
def test_nearly_all_neighbours_are_found_and_their_distances_are_exact() -> None:
    features = np.random.default_rng(0).normal(size=(5000, 10)).astype(np.float32)
    queries = features[:300] + np.float32(0.01)
    distances, indices = build_index(features).search(queries, 5)
    every = np.linalg.norm(features[None] - queries[:, None], axis=2)
    true = np.argsort(every, axis=1, kind="stable")[:, :5]
    assert np.mean([len(set(a) & set(b)) / 5 for a, b in zip(indices, true, strict=True)]) > 0.98
    np.testing.assert_allclose(distances, np.take_along_axis(every, indices, 1), rtol=1e-5)
    assert (np.diff(distances, axis=1) >= 0).all()


@needs_faiss
@pytest.mark.parametrize("alike", [1, 5_000])  # many that are alike leave lists without members
def test_the_lists_are_those_of_faiss_though_they_are_trained_in_blocks_that_let_others_work(
    alike: int,
) -> None:
    import faiss

    features = np.random.default_rng(5).normal(size=(6_000, 8)).astype(np.float32)
    features[:alike] = features[0]
    told: list[int] = []
    index = build_index(features, seed=3, report=told.append)
    expected = faiss.index_factory(8, f"IVF{index.lists.nlist},SQ8")
    expected.cp.seed, expected.cp.min_points_per_centroid = 4, 1
    expected.train(features)
    centres = [one.quantizer.reconstruct_n(0, one.nlist) for one in (index.lists, expected)]
    np.testing.assert_array_equal(*centres)
    blocks = [600 * turn + part for turn in range(10) for part in (409, 600)]
    assert told == [*blocks, 6_000 + 4_096, 12_000]


@needs_faiss
def test_the_index_is_the_same_for_the_same_seed_and_more_neighbours_than_a_list_holds_are_found() -> (
    None
):
    features = np.random.default_rng(0).normal(size=(300, 4)).astype(np.float16)
    found = [build_index(features, seed=3).search(features[:9], 290) for _ in range(2)]
    np.testing.assert_array_equal(found[0][1], found[1][1])
    assert all(len(set(row)) == 290 for row in found[0][1].tolist())
    assert np.isfinite(found[0][0]).all()


@needs_faiss
@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_index_of_very_few_vectors_finds_all_of_them(count: int) -> None:
    features = np.arange(2 * count, dtype=np.float32).reshape(count, 2)
    distances, found = build_index(features).search(features[:1], count)
    assert found.tolist() == [list(range(count))]
    np.testing.assert_allclose(distances[0], np.sqrt(8) * np.arange(count))


@pytest.mark.slow
@needs_faiss
def test_a_galaxy_of_a_large_store_has_its_true_neighbours(store_folder: Path) -> None:
    store = open_store(store_folder)
    index = open_index(store)
    rows = np.arange(0, 4000, 97)
    distances, found = index.nearest(rows, 10)
    hits = []
    for row, near, far in zip(rows, found, distances, strict=True):
        true = true_neighbours(MIXTURE, int(row), 10, index.factor)
        hits.append(len(set(near.tolist()) & set(true.indices.tolist())) / 10)
        np.testing.assert_allclose(far[0], true.distances[0], atol=5e-3)  # kept as float16
        assert row not in near
    assert np.mean(hits) > 0.98
    assert measure_recall(index, 100).recall > 0.98


@needs_faiss
def test_the_index_is_opened_again_and_made_again_where_the_store_changed(
    tmp_path: Path, cache: Path
) -> None:
    folder = tmp_path / "store"
    simulate_store(Mixture(500, width=12), folder)
    first = open_index(open_store(folder))
    made = (first.folder / LISTS).stat().st_mtime_ns
    again = open_index(open_store(folder))
    assert (again.folder / LISTS).stat().st_mtime_ns == made
    assert kept(cache) == [first.folder]
    for file in folder.iterdir():
        file.unlink()
    simulate_store(Mixture(500, width=12, seed=9), folder)
    other = open_index(open_store(folder))
    assert kept(cache) == [other.folder] != [first.folder]
    vectors = aj.read_vectors(folder).vectors
    shift, factor = standardisation(vectors)
    np.testing.assert_allclose(other.index.features, (vectors - shift) * factor, atol=5e-3)


@needs_faiss
def test_files_of_one_folder_have_an_index_each(tmp_path: Path, cache: Path) -> None:
    for seed in (1, 2):
        simulate_store(Mixture(300, width=12, seed=seed), tmp_path / str(seed))
        (tmp_path / str(seed) / "part-00000-of-00001.parquet").rename(tmp_path / f"{seed}.parquet")
    first, second = (open_index(open_store(tmp_path / f"{seed}.parquet")) for seed in (1, 2))
    assert kept(cache) == sorted([first.folder, second.folder])


@needs_faiss
@pytest.mark.parametrize("name", [FEATURES, LISTS, FACTS])
def test_an_index_that_was_cut_short_is_made_again(
    store_folder: Path, cache: Path, name: str
) -> None:
    store = open_store(store_folder)
    expected = open_index(store).nearest(np.array([7]), 5)[1]
    file = open_index(store).folder / name
    file.write_bytes(file.read_bytes()[:-3])
    np.testing.assert_array_equal(open_index(store).nearest(np.array([7]), 5)[1], expected)


@needs_faiss
def test_an_interrupted_index_leaves_nothing_that_is_taken_for_one(
    store_folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*arguments: object, **how: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("astrojepa.evaluation.vectors.store_index.build_index", stop)
        with pytest.raises(KeyboardInterrupt):
            open_index(open_store(store_folder))
    assert kept(cache) == []
    assert len(open_index(open_store(store_folder))) == 4000


@needs_faiss
def test_a_cache_without_room_is_said_before_anything_is_written(
    store_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Usage:
        free = 1000

    monkeypatch.setattr("shutil.disk_usage", lambda path: Usage)
    with pytest.raises(OSError, match=r"takes 0.0 GB and .* make room, or name another folder"):
        open_index(open_store(store_folder))


@pytest.mark.slow
@needs_faiss
@pytest.mark.parametrize("method", ["knn", "lof"])
def test_scores_by_the_index_are_those_of_comparing_all(store_folder: Path, method: str) -> None:
    expected = aj.anomaly_scores(aj.read_vectors(store_folder), method=method)
    found = score_store(open_index(open_store(store_folder)), method)
    assert np.quantile(np.abs(found / expected - 1), 0.99) < 0.01
    with pytest.raises(ValueError, match=r"isolation takes all .* there are knn, lof"):
        score_store(open_index(open_store(store_folder)), "isolation")


@needs_faiss
def test_the_library_uses_an_index_for_many_queries_of_many_vectors(
    small: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors = np.random.default_rng(0).normal(size=(400, 8)).astype(np.float32)
    found = Embeddings(vectors, np.full(400, -1), np.arange(400).astype(str), ())
    by_index = aj.anomaly_scores(found, k=5)
    built = []
    monkeypatch.setattr(neighbours, "build_index", lambda features: built.append(len(features)))
    with pytest.raises(AttributeError):
        aj.anomaly_scores(found)
    assert built == [400]
    monkeypatch.setattr(neighbours, "is_available", lambda: False)
    np.testing.assert_allclose(aj.anomaly_scores(found, k=5), by_index, rtol=1e-5)
    assert aj.neighbours(found, [1, 2]).indices.shape == (2, 6)


@pytest.mark.slow
@needs_faiss
def test_the_commands_take_the_index_of_a_large_store(
    store_folder: Path, small: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--vectors", str(store_folder)]
    near = tmp_path / "near.csv"
    asked = ["--galaxy", str(FIRST_ID + 3), "--galaxy", "11", "--k", "4", "--out", str(near)]
    assert main(["neighbours", *given, *asked]) == 0
    expected = aj.neighbours(aj.read_vectors(store_folder), [3, 11], 4)
    lines = [line.split(",") for line in near.read_text().splitlines()[1:]]
    assert [line[2] for line in lines] == (FIRST_ID + expected.indices.ravel()).astype(str).tolist()
    ranked = tmp_path / "ranked.json"
    capsys.readouterr()
    assert main(["anomalies", *given, "--top", "2", "--out", str(ranked)]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 3
    found = json.loads(ranked.read_text())
    assert found["simulated"]
    assert [row["score"] for row in found["galaxies"]] == sorted(
        (row["score"] for row in found["galaxies"]), reverse=True
    )
    assert len(found["galaxies"]) == 4000
    assert main(["anomalies", *given, "--out", str(tmp_path / "scored")]) == 0
    before, scored = open_store(store_folder), open_store(tmp_path / "scored")
    kept = [name for name in before.names if name != "score"]
    rows = np.arange(4000)
    assert scored.table_of(rows)[kept].equals(before.table_of(rows)[kept])
    by_id = dict(zip(scored.known("id").astype(str), scored.values("score").values, strict=True))
    for row in found["galaxies"][::500]:
        assert by_id[row["id"]] == np.float32(row["score"])
    assert scored.facts["score"] == "kNN distance, k = 20"
    assert main(["anomalies", *given, "--out", str(tmp_path / "scored")]) == 2
    assert "scored exists already; name a new folder" in capsys.readouterr().err
    for wrong, message in (
        ([], "too many to list the neighbours of each; name some with --galaxy"),
        (["--galaxy", "nobody"], "store has no galaxy 'nobody'; give an id such as 1000000000000"),
    ):
        assert main(["neighbours", *given, *wrong]) == 2
        assert message in capsys.readouterr().err


@needs_faiss
def test_a_galaxy_without_a_position_is_ranked_in_json_too(small: None, tmp_path: Path) -> None:
    folder, ranked = tmp_path / "store", tmp_path / "ranked.json"
    simulate_store(Mixture(300, width=12), folder)
    (file,) = folder.glob("*.parquet")
    table = parquet.read_table(file)
    angles = [np.nan, *table["ra"].to_pylist()[1:]]
    parquet.write_table(table.set_column(1, table.schema.field("ra"), [angles]), file)
    assert main(["anomalies", "--vectors", str(folder), "--out", str(ranked)]) == 0
    found = {row["id"]: row["ra"] for row in json.loads(ranked.read_text())["galaxies"]}
    unknown = str(table["object_id"][0])
    assert found.pop(unknown) is None
    assert sorted(found.values()) == sorted(angles[1:])


@needs_faiss
def test_recall_is_measured_by_a_command(
    store_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "recall.json"
    command = ["neighbours", "--vectors", str(store_folder), "--recall", "50"]
    assert main([*command, "--out", str(out)]) == 0
    assert "4,000 vectors of width 16: recall@10 " in capsys.readouterr().out
    found = json.loads(out.read_text())
    assert found["recall"] > 0.98
    assert (found["sample"], found["k"]) == (50, 10)
    for wrong, message in (
        (["neighbours", "best", "--recall", "5"], "--vectors, which is missing"),
        ([*command, "--out", str(tmp_path / "a.csv")], "--recall writes a .json file"),
        ([*command, "--galaxy", "3"], "leave out --galaxy and --whitened"),
        ([*command[:-1], "0"], "sample is 0"),
    ):
        assert main(wrong) == 2
        assert message in capsys.readouterr().err


def test_without_faiss_a_large_store_is_compared_as_a_small_one(
    store_folder: Path,
    small: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(sys.modules, "faiss", None)
    for module in (neighbour_index, neighbours):
        monkeypatch.setattr(module, "is_available", lambda: False)
    assert main(["neighbours", "--vectors", str(store_folder), "--galaxy", "3", "--k", "2"]) == 0
    shown = capsys.readouterr()
    assert "an index is quicker: pip install 'astrojepa[scale]'" in shown.err
    expected = aj.neighbours(aj.read_vectors(store_folder), 3, 2)
    assert shown.out.split()[7] == str(FIRST_ID + expected.indices[0])
    for use in (
        lambda: build_index(np.zeros((9, 4))),
        lambda: open_index(open_store(store_folder)),
    ):
        with pytest.raises(ValueError, match="faiss is not installed; install it with: pip insta"):
            use()


@pytest.mark.slow
def test_faiss_is_imported_only_where_an_index_is_used() -> None:
    program = (
        "import sys, numpy as np, astrojepa as aj\n"
        "from astrojepa.types import Embeddings\n"
        "found = Embeddings(np.eye(30, dtype=np.float32), np.zeros(30, int), np.arange(30), ())\n"
        "aj.neighbours(found, 3)\n"
        "assert 'faiss' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
