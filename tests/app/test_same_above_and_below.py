"""The same galaxies as a small set and as a large store: pages, links and files agree."""

from __future__ import annotations

import io
import re
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from page_runner import QUIET, run_page, settled, tables, words
from pyarrow import parquet

from app.components.latent_map import geometry
from app.pages.anomalies import leaderboard, quality, tasks
from app.pages.map import column_panel, figure, large_selection, selection
from app.session import links, loaders, queue, state
from app.session.export import FORMATS
from astrojepa import plotting
from astrojepa.evaluation.maps import clusters, large_map, store_clusters, store_pca
from astrojepa.evaluation.maps.morton import morton_codes
from astrojepa.evaluation.maps.store_pca import project_by_pca
from astrojepa.evaluation.vectors.neighbour_index import is_available
from astrojepa.evaluation.vectors.simulated_store import Mixture, simulate_store
from astrojepa.evaluation.vectors.store import open_store
from astrojepa.types import Embeddings

pytestmark = QUIET
COUNT = 2100  # more images than are checked unasked
ABOVE, BELOW = 1000, 10**6  # thresholds
FILTER = "redshift > 0.1 & label == 'Merging'"
# what a model's vectors give a small set, where a large store has columns
COMPUTED = {"anomaly_score_knn", "anomaly_rank_knn", "rank_knn", "artefact"}


@pytest.fixture(scope="module")
def survey(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Vectors and columns of galaxies, and their images with the same columns."""
    return simulated(tmp_path_factory.mktemp("survey"), COUNT)


def simulated(folder: Path, count: int) -> tuple[Path, Path]:
    simulate_store(Mixture(count, 16), folder / "made")
    frame = pd.read_parquet(folder / "made")
    (folder / "vectors").mkdir()
    frame.to_parquet(folder / "vectors" / "a.parquet")  # does not say that it is simulated
    images = [plotting.encode_image(np.full((8, 8, 3), row % 200, np.uint8)) for row in frame.index]
    table = pa.Table.from_pandas(frame.drop(columns="vector"), preserve_index=False)
    table = table.append_column("image", pa.array(images, pa.binary()))
    parquet.write_table(table, folder / "images.parquet", row_group_size=500)
    return folder / "vectors", folder / "images.parquet"


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch, pages_cache: Path, survey: tuple[Path, Path]) -> Any:
    """What opens a page, with what its export was given, by the threshold."""

    def open_page(
        threshold: int,
        name: str,
        second: Path | None = None,
        survey: tuple[Path, Path] = survey,
        **query: str,
    ) -> tuple[Any, dict[str, Any]]:
        exports: dict[str, Any] = {}
        for module in (selection, leaderboard, large_selection):
            monkeypatch.setattr(
                module,
                "export_menu",
                lambda key, stem, count, write, *more, **named: exports.update(
                    {key: (stem, count, write)}
                ),
            )
        monkeypatch.setattr(large_map, "LARGE", threshold)
        loaders.jobs()._jobs.clear()  # which know the store by another threshold
        vectors, images = survey
        stores = [f"--vectors={path}" for path in (vectors, second) if path is not None]
        options = {"flags": [*stores, f"--data={images}"]}
        given = {"data": "", "checkpoint": "", "query": {"map": "pca", **query}}
        return run_page(monkeypatch, pages_cache, name, **options, **given), exports

    return open_page


def read(ending: str, content: bytes) -> tuple[pd.DataFrame, dict[str, str]]:
    """A file's columns, and the facts that it tells."""
    from astropy.table import Table

    file = io.BytesIO(content)
    if ending == ".csv":
        return pd.read_csv(file, dtype={"id": str}), {}
    if ending == ".parquet":
        table = parquet.read_table(file)
        facts = {key.decode(): value.decode() for key, value in table.schema.metadata.items()}
        return table.to_pandas(), facts
    formats = {".ecsv": "ascii.ecsv", ".fits": "fits"}
    table = Table.read(file, format=formats.get(ending, "votable"))
    return table.to_pandas(), {str(key).lower(): str(value) for key, value in table.meta.items()}


@pytest.mark.slow
@pytest.mark.parametrize("page", ["map", "anomalies"])
def test_a_selection_and_a_leaderboard_are_the_same_file_above_and_below(
    opened: Any, survey: tuple[Path, Path], page: str
) -> None:
    key = {"map": "selection", "anomalies": "leaderboard"}[page]
    order = (
        {"sort": "score", "filter": FILTER}
        if page == "map"
        else {"score": "knn", "artefacts": "shown"}
    )
    files = []
    for threshold in (BELOW, ABOVE):
        test, exports = opened(threshold, page, **order)
        assert not test.error
        files.append(exports[key])
    assert files[0][:2] == files[1][:2], "name and number of rows"
    for ending in FORMATS:
        (below, told), (above, tells) = (read(ending, write(ending)) for _, _, write in files)
        computed = [name for name in below if name in COMPUTED]
        below = below.drop(columns=computed)
        assert list(above) == list(below)
        assert above.dtypes.tolist() == below.dtypes.tolist()
        if page == "map":  # a leaderboard is by vectors below, and by a column above
            names = list(above.columns.drop("data", errors="ignore"))
            both = [each.sort_values("id", ignore_index=True)[names] for each in (above, below)]
            pd.testing.assert_frame_equal(*both)
        missing = {fact for fact in told if not fact.startswith("tcomm")} - set(tells)
        assert not missing, f"{ending} does not tell {missing}"
        assert tells.get("filter", "") == (FILTER if told and page == "map" else "")


@pytest.mark.slow
def test_a_link_made_below_opens_the_same_above_and_the_other_way_round(
    opened: Any, survey: tuple[Path, Path]
) -> None:
    frame = pd.read_parquet(survey[0])
    name = str(frame["object_id"][1234])
    count = int(((frame["redshift"] > 0.1) & (frame["label"] == "Merging")).sum())
    for first, second in ((BELOW, ABOVE), (ABOVE, BELOW)):
        test, _ = opened(first, "map", id=name, filter=FILTER, colour="magnitude")
        link = dict(test.query_params)
        other, _ = opened(second, "map", **link)
        assert not other.error
        for key in ("id", "galaxy", "filter", "colour"):
            assert other.query_params[key] == link[key]
        for page in (test, other):
            assert name in [element.value for element in page.header]
            assert f"{count:,} of {COUNT:,} galaxies match" in words(page)


@pytest.mark.slow
def test_histograms_the_sky_and_what_differs_are_the_same_above_and_below(
    opened: Any, survey: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    panels: list[Any] = []
    monkeypatch.setattr(
        column_panel, "histograms", lambda key, shown, choose: panels.append((shown, choose))
    )
    frame = pd.read_parquet(survey[0])
    inside = ((frame["redshift"] > 0.1) & (frame["label"] == "Merging")).to_numpy()
    shown = ["label", "redshift", "magnitude"]
    told = []
    for threshold in (BELOW, ABOVE):
        test, _ = opened(threshold, "map", filter=FILTER)
        for key in (state.HISTOGRAMS_OPEN, state.SKY_OPEN, state.DIFFERENCES_OPEN):
            test.session_state[key] = True
        test.session_state[state.HISTOGRAMS] = shown
        settled(test.run())
        assert not test.error
        for panel in panels[-1][0]:
            values = frame[panel.column].to_numpy()
            if len(edges := panel.found.edges):  # what lies beyond counts in the bars at the ends
                ends = np.concatenate([[-np.inf], edges[1:-1], [np.inf]])
                expected = [np.histogram(part, ends)[0] for part in (values, values[inside])]
            else:
                expected = [[(part == word).sum() for word in panel.found.words]
                            for part in (values, values[inside])]  # fmt: skip
            for counts, of in zip((panel.found.counts, panel.matching), expected, strict=True):
                assert counts[: panel.found.bars].tolist() == list(of)
        assert f"6 typical galaxies of {inside.sum():,}" in words(test)
        assert "Mollweide" in words(test)
        listed = tables(test)[0].set_index("column")
        told.append(listed.loc[[name for name in ("label", "redshift") if name in listed.index]])
    pd.testing.assert_frame_equal(*told)
    gap = frame["redshift"][inside].mean() - frame["redshift"][~inside].mean()
    parts = (frame["redshift"][inside], frame["redshift"][~inside])
    pooled = np.sqrt(sum(((part - part.mean()) ** 2).sum() for part in parts) / (COUNT - 2))
    assert told[0].loc["redshift", "effect size"] == f"d = {gap / pooled:+.2f}"
    assert told[0].loc["redshift", "Selection"] == f"{parts[0].median():.4g}"


@pytest.mark.slow
def test_a_search_by_examples_finds_the_same_above_and_below_and_its_link_opens_in_both(
    opened: Any, survey: tuple[Path, Path]
) -> None:
    frame = pd.read_parquet(survey[0])
    vectors = np.stack(frame["vector"].to_numpy()).astype(np.float64)
    vectors = (vectors - vectors.mean(axis=0)) / vectors.std(axis=0)
    own = vectors[[1234, 77]].mean(axis=0)
    gaps = np.linalg.norm(vectors - (own + (own - vectors[5]) / 2), axis=1)
    expected = frame["object_id"][np.argsort(gaps)[:100]].astype(str).tolist()
    given = {"id": str(frame["object_id"][1234]), "galaxy": "1234", "like": "1234.77"}
    given |= {"unlike": "5", "filter": "search_rank <= 100", "sort": "search_rank"}
    links = []
    for threshold in (BELOW, ABOVE):
        test, exports = opened(threshold, "map", **given)
        assert not test.error
        assert f"100 of {COUNT:,} galaxies match." in words(test)
        assert "Searching for galaxies like 2 examples, less like 1" in words(test)
        found = read(".csv", exports["selection"][2](".csv"))[0]
        assert set(found["id"]) == set(expected), "in this order but for float16 above"
        own = found["id"].map(dict(zip(frame["object_id"].astype(str), gaps, strict=True)))
        np.testing.assert_allclose(found["search_distance"], own, rtol=2e-3)
        assert found["search_rank"].tolist() == list(range(1, 101))
        links.append(dict(test.query_params))
    assert all(links[0][key] == links[1][key] == given[key] for key in given)
    test, _ = opened(ABOVE, "galaxy", **links[0])
    assert r"of the 100 galaxies matching search_rank" in words(test).replace("\\", "")


@pytest.mark.slow
def test_more_like_this_begins_a_search_of_a_large_store_and_a_galaxy_of_another_order_ends_it(
    opened: Any, survey: tuple[Path, Path]
) -> None:
    name = str(pd.read_parquet(survey[0])["object_id"][1234])
    test, _ = opened(ABOVE, "map", id=name)
    assert "does not say which model its vectors are from" in words(test)
    test.button(key="search_first").click().run()
    settled(test)
    assert test.query_params["filter"] == "search_rank <= 100"
    assert test.query_params["like"] == "1234"
    assert "order" not in test.query_params, "the nearest come first, as usual"
    assert f"100 of {COUNT:,} galaxies match." in words(test)
    assert "The nearest 1,000 have a rank." in words(test)
    test.text_input(key=state.FILTER).set_value("`Search Rank` <= 7").run()
    settled(test)
    assert f"7 of {COUNT:,} galaxies match." in words(test), "in any letters, with blanks or not"
    next(box for box in test.button if box.label == "End search").click().run()
    settled(test)
    assert not {"filter", "like"} & set(test.query_params)
    other, _ = opened(ABOVE, "map", id=name, galaxy="7", like="7")
    assert "Searching for" not in words(other)
    other, _ = opened(ABOVE, "map", data="other@deadbeef", like="1234")
    assert "Searching for" not in words(other), "a row of another data set is another galaxy"


def in_units(xy: np.ndarray) -> np.ndarray:
    """Where galaxies lie on a map, in its units."""
    low, extent = xy.min(axis=0), np.ptp(xy, axis=0)
    return ((xy - low) / extent.max() + (1 - extent / extent.max()) / 2) * geometry.UNITS


@pytest.mark.slow
def test_an_area_of_the_pca_map_holds_the_same_galaxies_above_and_below(
    opened: Any, survey: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = pd.read_parquet(survey[0])
    vectors = np.stack(frame["vector"].to_numpy()).astype(np.float64)
    vectors = (vectors - vectors.mean(axis=0)) / vectors.std(axis=0)
    axes = np.linalg.svd(vectors, full_matrices=False)[2][:2].T
    placed = in_units(vectors @ (axes * np.sign(axes[np.abs(axes).argmax(axis=0), [0, 1]])))
    corners = [(20_000, 15_000), (45_000, 15_000), (45_000, 50_000), (20_000, 50_000)]
    inside = ((placed > corners[0]) & (placed < corners[2])).all(axis=1)
    area = geometry.encode_polygons([corners])
    for threshold in (BELOW, ABOVE):
        test, exports = opened(threshold, "map", area=area)
        assert not test.error
        found = read(".csv", exports["selection"][2](".csv"))[0]
        assert set(found["id"]) == set(frame["object_id"][inside].astype(str))
        assert test.query_params["area"] == area
        assert test.query_params["map"] == "pca"
    test.selectbox(key=state.PROJECTION).select("own").run()
    settled(test)
    assert not test.session_state[state.POLYGONS], "an area of one map means nothing on another"
    assert "selection" in exports
    test.session_state[state.POLYGONS] = [[list(corner) for corner in corners]]
    settled(test.run())
    before = dict(test.query_params)
    assert (before["map"], before["area"]) == ("own", area)
    test.selectbox(key=state.PROJECTION).select("pca").run()
    settled(test)
    monkeypatch.setattr(links, "back_or_forward", lambda: True)
    for name, value in before.items():
        test.query_params[name] = value
    settled(test.run())
    assert dict(test.query_params) == before
    own = in_units(frame[["x", "y"]].to_numpy())
    inside = ((own > corners[0]) & (own < corners[2])).all(axis=1)
    found = read(".csv", exports["selection"][2](".csv"))[0]
    assert set(found["id"]) == set(frame["object_id"][inside].astype(str))
    test, _ = opened(ABOVE, "map", map="tsne")
    assert "vectors has no t-SNE map; the map of its columns x and y is shown." in words(test)


@pytest.mark.slow
def test_a_selection_is_sorted_by_its_place_on_the_map_that_comes_after_the_first_sorting(
    opened: Any, survey: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def later(store: Any, *, progress: Any) -> np.ndarray:
        until = time.monotonic() + 60
        while time.monotonic() < until and not any(
            key[0] == "large order" and job.finished.is_set()
            for key, job in list(loaders.jobs()._jobs.items())
        ):
            time.sleep(0.02)
            progress(0, 1)
        return project_by_pca(store)

    monkeypatch.setattr(queue, "LONG", 0.0)  # it gives way at once
    monkeypatch.setattr(store_pca, "project_by_pca", later)
    test, exports = opened(ABOVE, "map", filter="redshift > 0.1", sort=selection.ON_MAP)
    assert not test.error
    found = read(".csv", exports["selection"][2](".csv"))[0]["id"]
    frame = pd.read_parquet(survey[0])
    places = pd.Index(frame["object_id"].astype(str)).get_indexer(found)
    assert len(places) == (frame["redshift"] > np.float32(0.1)).sum()
    xy = in_units(project_by_pca(open_store(survey[0])).astype(np.float64))
    codes = morton_codes(xy, np.zeros(2), np.full(2, geometry.UNITS))[places].astype(np.float64)
    assert (np.diff(codes) >= 0).mean() > 0.99  # but for rounding


@pytest.fixture(scope="module")
def second(survey: tuple[Path, Path]) -> Path:
    """Other vectors of the same galaxies, in another order."""
    frame = pd.read_parquet(survey[0])
    vectors = np.stack(frame["vector"].to_numpy()).astype(np.float32)
    noise = np.random.default_rng(1).normal(size=vectors.shape)
    vectors = (vectors + 0.4 * noise).astype(np.float16)
    folder = survey[0].parent / "other_model"
    folder.mkdir()
    made = pd.DataFrame({"object_id": frame["object_id"], "vector": list(vectors)})
    made.sample(frac=1, random_state=0).to_parquet(folder / "a.parquet", index=False)
    return folder


@pytest.mark.slow
@pytest.mark.skipif(not is_available(), reason="faiss is not installed")
def test_a_second_store_is_compared_with_the_same_numbers_above_and_below(
    opened: Any, survey: tuple[Path, Path], second: Path
) -> None:
    name = str(pd.read_parquet(survey[0])["object_id"][1234])
    told, links = [], []
    for threshold in (BELOW, ABOVE):
        test, _ = opened(
            threshold, "compare", second, id=name, galaxy="1234", **{"with": "other_model"}
        )
        assert not test.error
        said = words(test)
        share = re.search(r"share (\d+) of 10 .* median \(([\d.]+)", said)
        cka = re.search(r"Linear CKA ([\d.]+), unbiased ([\d.]+)", said)
        (header,) = (one.value for one in test.header if "shared" in one.value)
        told.append([*map(float, (*share.groups(), *cka.groups())), tables(test)[0], header])
        next(box for box in test.button if box.label == "Train probes").click().run()
        settled(test)
        accuracy = tables(test)[1]
        told[-1].append(
            accuracy[accuracy["Model"] != "hand-made statistics"].reset_index(drop=True)
        )
        links.append(dict(test.query_params))
    (*below, spread, galaxy, probes), (*above, same_spread, same_galaxy, same_probes) = told
    np.testing.assert_allclose(below, above, rtol=0.01)
    assert 10 < below[1] < 90
    assert galaxy == same_galaxy
    assert name in galaxy
    pd.testing.assert_frame_equal(spread, same_spread)
    pd.testing.assert_frame_equal(probes, same_probes)
    assert all(link["with"].startswith("other_model@") for link in links)


@pytest.fixture(scope="module")
def islands(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Vectors of three groups of galaxies, each with a word of its own."""
    generator, folder = np.random.default_rng(0), tmp_path_factory.mktemp("islands")
    group = np.repeat([0, 1, 2], [900, 600, 500])
    centres = np.array([[0, 0, 0, 0], [20, 0, 0, 0], [0, 25, 0, 0]], float)
    vectors = generator.normal(size=(2000, 4)) + centres[group]
    frame = pd.DataFrame({"object_id": np.arange(2000), "vector": list(vectors.astype(np.float32))})
    frame["label"] = np.array(["red", "green", "blue"])[group]
    frame["x"], frame["y"] = vectors[:, 0], vectors[:, 1]
    frame.sample(frac=1, random_state=0).to_parquet(folder / "a.parquet", index=False)
    return folder


@pytest.mark.slow
def test_clusters_are_the_same_above_and_below_and_every_galaxy_joins_its_nearest(
    islands: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(islands)
    columns = store.read()
    embeddings = Embeddings(columns.vectors, np.full(2000, -1), columns.known["id"].astype(str), ())
    below = clusters.find_clusters(embeddings, cache=False)
    above = store_clusters.find_store_clusters(store, cache=False)
    assert below.fine.count > 2
    for level in ("coarse", "fine"):
        one, other = getattr(above, level), getattr(below, level)
        np.testing.assert_array_equal(one.labels, other.labels)
        assert one.stability == pytest.approx(other.stability)
    monkeypatch.setattr(store_clusters, "SCALED", 500)
    found = store_clusters.find_store_clusters(store, cache=False).fine
    assert found.count > 2
    rows = np.sort(np.random.default_rng(0).choice(2000, 500, replace=False, shuffle=False))
    assert rows.tolist() == store_clusters.sample_of(2000).tolist()
    scaled = columns.vectors / columns.vectors[rows].std(axis=0)  # all four components are kept
    gaps = np.linalg.norm(scaled[:, None] - scaled[rows], axis=2)
    np.testing.assert_array_equal(found.labels, found.labels[rows][gaps.argmin(axis=1)])


@pytest.mark.slow
def test_clusters_of_a_large_store_colour_it_and_are_chosen_by_the_filter_of_a_link(
    opened: Any, islands: Path, monkeypatch: pytest.MonkeyPatch, pages_cache: Path
) -> None:
    opened(ABOVE, "about")  # lowers the threshold
    query = {"colour": "feature cluster", "filter": "feature_cluster == '100 % red'"}
    options = {"data": "", "checkpoint": "", "flags": [f"--vectors={islands}"], "query": query}
    test = run_page(monkeypatch, pages_cache, "map", **options)
    assert not test.error
    found = store_clusters.find_store_clusters(open_store(islands), cache=False).coarse
    largest = np.flatnonzero(found.labels == 0)
    kinds = pd.read_parquet(islands)["label"][largest]
    assert kinds.mode()[0] == "red"
    assert f"**{found.count} clusters** in feature space hold" in words(test)
    assert f"{len(largest):,} of 2,000 galaxies match." in words(test)
    assert {"100 % blue", "100 % green"} <= {box.label.rsplit(" (")[0] for box in test.button}


@pytest.mark.slow
def test_the_benchmark_of_anomaly_scores_has_the_same_numbers_above_and_below(
    opened: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quality, "DRAWS", 3)
    monkeypatch.setattr(tasks, "FEW", 300)
    survey = simulated(tmp_path, 400)
    files: dict[str, Any] = {}
    monkeypatch.setattr(quality, "export_menu", lambda key, *more: files.update({key: more}))
    told = []
    for threshold in (BELOW, 300):
        test, _ = opened(threshold, "anomalies", survey=survey, tab="quality")
        assert not test.error
        test.selectbox(key="quality_class").select("Merging").run()
        settled(test)
        next(box for box in test.button if box.label == "Measure").click().run()
        settled(test)
        (shown,) = tables(test)
        stem, count, write, _ = files.pop("quality")
        listed, facts = read(".parquet", write(".parquet"))
        assert (stem, count) == ("benchmark", len(listed))
        told.append((shown, listed, facts, words(test)))
        assert test.query_params["tab"] == "quality"
    (shown, listed, _, _), (same, files_same, facts, said) = told
    assert {"These vectors", "Pixel PCA"} <= set(shown["Features"])
    pd.testing.assert_frame_equal(shown, same)
    pd.testing.assert_frame_equal(listed, files_same)
    of = "a random sample (seed 0) of 400 of the 400 labelled galaxies"
    assert f"Tested on {of}; neighbours are sought in it alone." in said
    assert facts["sample"] == "400 of the 400 labelled galaxies"


@pytest.mark.slow
def test_the_map_in_space_is_the_same_above_and_below_and_a_sample_of_many(
    opened: Any, survey: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    draw, drawn, clicks = figure.map_figure, list[Any](), list[Any]()

    def keep(places: np.ndarray, groups: Any, names: np.ndarray, *more: Any) -> Any:
        rows = {group["name"]: group["rows"] for group in groups}
        drawn.append((places, rows, np.array([name.split(", ")[-1] for name in names]), *more))
        return draw(places, groups, names, *more)

    monkeypatch.setattr(figure, "map_figure", keep)
    monkeypatch.setattr(figure, "figure_click", lambda key, on_click: clicks.append(on_click))
    frame = pd.read_parquet(survey[0])
    ids, name = frame["object_id"].astype(str).to_numpy(), str(frame["object_id"][1234])
    matching = ((frame["redshift"] > 0.1) & (frame["label"] == "Merging")).to_numpy()
    given = {"drawing": "space", "filter": FILTER, "id": name, "galaxy": "1234"}
    told = []
    for threshold in (BELOW, ABOVE):
        colour = "class" if threshold == BELOW else "label"
        test, _ = opened(threshold, "map", colour=colour, **given)
        assert not test.error
        assert test.query_params["drawing"] == "space"
        places, groups, names, marked, _ = drawn[-1]
        assert names[marked] == name
        order = np.argsort(names)
        grey = sorted(names[groups["does not match the filter"]])
        told.append((names[order], places[order], grey, sorted(names[groups["Merging"]])))
    np.testing.assert_array_equal(told[0][0], told[1][0])
    np.testing.assert_allclose(told[0][1], told[1][1], atol=1e-3)
    assert told[0][2:] == told[1][2:] == (sorted(ids[~matching]), sorted(ids[matching]))
    chosen: list[Any] = []
    monkeypatch.setattr(links, "select", chosen.append)
    monkeypatch.setattr(figure, "SAMPLED", 50)
    test, _ = opened(ABOVE, "map", colour="label", **given)
    places, groups, names, marked, _ = drawn[-1]
    assert names[marked] == name
    assert 100 <= len(names) <= 101
    assert set(names[groups["Merging"]]) <= set(ids[matching] if not matching[1234] else ids)
    whole = dict(zip(told[1][0], told[1][1], strict=True))
    np.testing.assert_array_equal(places, [whole[one] for one in names])
    said = (
        f"shows at most 50 of the {matching.sum():,} that match the filter, and, in grey, at most"
    )
    assert said in words(test)
    clicks[-1](3)
    clicks[-1]("3")
    assert [None if row is None else ids[row] for row in chosen] == [names[3], None]
