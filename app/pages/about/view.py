"""About: how to read the explorer, its limits, citations and privacy."""

from __future__ import annotations

import streamlit as st

from ...server.settings import Settings
from ..map.view import KEYS
from ..registry import Page

READING = """
**Map.** A network turned every galaxy image into a vector of features, without labels. The map is a
2-D projection of these vectors. Neighbours on it are usually similar. Distances between groups,
their sizes and empty space mean little, above all in UMAP and t-SNE; PCA preserves large distances
better than small ones. Colour the map by *projection reliability* to see where its neighbours are
also nearest neighbours in feature space.

**Patch errors.** Some patches of the galaxy are hidden, and the model predicts their features from
the rest. Bright cells of the heatmap are poorly predicted: a companion, a star, a tidal tail or an
artefact. Errors depend on the masks, so average over several. Two heatmaps can be compared only
with the same model and colour scale.

**Anomaly rank.** On the map and the galaxy page, galaxies are ranked by kNN distance: how far a
galaxy is from its nearest neighbours in feature space. The page *Anomalies* starts with a mean of
ranks by asymmetry (how much the model's tokens change when the galaxy is rotated by 180°), which
counts four times, and by local outlier factor (how sparse its neighbourhood is compared with those
of its neighbours). On real galaxies it finds mergers at least as well as the other scores, within
their scatter. A symmetric galaxy, such as a ring, seldom ranks high; try the other scores too.
Rank 1 is the most anomalous of the open galaxies. Anomalous does not mean interesting: nearby or
saturated stars, satellite trails and mosaic edges also rank high.

**Probes.** A probe is a small classifier on the frozen features: a linear one, 20 nearest
neighbours, or an MLP with one hidden layer. It is trained on the training part of a fixed split and
scored once on the test part. Its accuracy is given with a 95 % interval and next to untrained
baselines; it is evidence for the features only where it beats them. *Calibration* shows whether
predictions with 80 % confidence are correct in 80 % of cases.

**Your own images.** The open model embeds them and compares them with the open galaxies. Position
and score are meaningful only for similar images: same survey, same pixel scale, galaxy at the
centre.
"""
LIMITS = """
- Images are stretched, rescaled and compressed: nothing here is photometry.
- Labels come from volunteers or catalogues, with their own errors and biases.
- A model trained on one survey may mistake another survey's noise for morphology.
- An interval describes these test galaxies, not another survey or another training run.
- A collection selected on the map contains what the model already finds similar, so a high accuracy
  on it proves little.
- Simulated galaxies are marked *simulated*; results on them do not apply to real galaxies.
- Do not use a score from here as a selection without checking the images.
"""
CITATIONS = """
- I-JEPA: Assran et al. 2023, CVPR, [arXiv:2301.08243](https://arxiv.org/abs/2301.08243).
- LeJEPA and SIGReg: Balestriero & LeCun 2025,
  [arXiv:2511.08544](https://arxiv.org/abs/2511.08544).
- Galaxy10 DECaLS: Leung & Bovy, astroNN,
  [zenodo.org/records/10845026](https://zenodo.org/records/10845026); labels from Galaxy Zoo,
  images from the DESI Legacy Imaging Surveys.
- Galaxy Zoo: Lintott et al. 2008, MNRAS 389, 1179; Lintott et al. 2011, MNRAS 410, 166.
- Galaxy Zoo 2: Willett et al. 2013, MNRAS 435, 2835.
- Galaxy Zoo DECaLS: Walmsley et al. 2022, MNRAS 509, 3966.
- EFIGI: Baillard et al. 2011, A&A 532, A74.
- DESI Legacy Imaging Surveys: Dey et al. 2019, AJ 157, 168.
- Sloan Digital Sky Survey (SDSS): images and redshifts, [www.sdss.org](https://www.sdss.org).
- Effective rank: Garrido et al. 2023, [arXiv:2210.02885](https://arxiv.org/abs/2210.02885).
  Calibration: Guo et al. 2017, [arXiv:1706.04599](https://arxiv.org/abs/1706.04599).
"""
PRIVACY = """
The explorer sends no data to third parties: no usage statistics, no external fonts or scripts, no
look-ups. Links to sky viewers and papers open only when you click them. The exception, on your own
machine alone, is *Show the survey image*: while it is on, positions are sent to the Legacy Surveys
viewer.

Your selection, collections, marks and uploaded images stay in the memory of your session, which
ends when you close or reload the page; no other visitor sees them. Your browser keeps marks and
collections in its local storage, and hands them back when you open the same galaxies again. Images
are never written to disk. Export what you want to keep elsewhere. A copied link contains the view
(model, data, galaxy, masks, selection) and nothing else.
"""
LICENCE = (
    "The program is under the MIT licence. The images belong to their surveys, and the terms of "
    "the surveys apply."
)


def show(settings: Settings) -> None:
    """Draw the page: words only."""
    st.title("About", anchor=False)
    with st.container(horizontal=True, gap="large", key="about_columns"):
        left, right = st.container(), st.container()
    with left:
        _section("How to read it", READING)
        _section("Limits", LIMITS)
    with right:
        _section("Please cite", CITATIONS)
        _section("Privacy", PRIVACY)
        _section("Licence", LICENCE)
        keys = "\n".join(f"- **{keys}** {what}" for keys, what in KEYS)
        _section("Keys of the map", keys)
        st.markdown("On the Galaxy page, the left and right arrow step through the ranks.")


def _section(title: str, text: str) -> None:
    st.header(title, anchor=False)
    st.markdown(text.replace(" %", "\N{NO-BREAK SPACE}%"))


PAGE = Page("About", 7, show, opens_galaxies=False)
