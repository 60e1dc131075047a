"""About: how to read the explorer, what it cannot say, whose work it stands on, and what it does
with data.
"""

from __future__ import annotations

import streamlit as st

from ...server.settings import Settings
from ..registry import Page

READING = """
**The map.** Every galaxy is a vector of features that a network learned from pictures alone,
without labels. The map squeezes those vectors onto a plane. Near neighbours on it are usually
alike; distances between groups, their sizes and the empty space mean little, most of all in UMAP
and t-SNE. PCA keeps large distances honest and small ones less so. Colour it by *trust of the
map* to see where its neighbours are the model's own.

**Patch errors.** Some patches of the galaxy are hidden; the model predicts their features from
the rest. Bright cells of the heatmap are patches that it predicted badly: a companion, a star, a
tidal arm, or an artefact. Only hidden patches are scored. What is bright depends on the masks, so
look at the mean over several; and two heatmaps compare only on one colour scale and one model.

**Anomaly rank.** On the map and on the galaxy's page: how far a galaxy lies from the nearest
others in the features. The page *Anomalies* starts with asymmetry, how much the model's tokens
change when the galaxy is turned by 180°: of the scores here it finds most mergers among real
galaxies. It cannot find what is strange and symmetric, such as a ring, so try the other scores
too. Rank 1 is the strangest of the open galaxies, and every collection has one. Strange is not
the same as interesting: a star beside the galaxy, saturated stars, satellite trails and mosaic
edges rank high too.

**Probes.** A small classifier on the frozen features: a linear one, 20 nearest neighbours, or one
hidden layer. It learns from the training part of a fixed split and is scored once on the test
part. An accuracy comes with its 95 % interval and beside baselines that have learned nothing from
pictures; it says something about the features only where it beats them. *Calibration* says
whether a confidence of 80 % is right in 80 % of cases.

**Your own pictures.** The open model embeds them and compares them with the open galaxies. Place
and score mean something only for pictures like those: same survey, same scale, the galaxy in the
middle.
"""
LIMITS = """
- Pictures are stretched, rescaled and compressed: nothing here is photometry.
- Labels are what volunteers or catalogues said, with their own errors and biases.
- A model that has seen one survey may mistake another survey's noise for morphology.
- An interval describes these test galaxies, not another survey or another training run.
- A collection gathered on the map is what the model already finds alike: a high accuracy on it
  proves little.
- Simulated galaxies are marked *simulated*; what they show says nothing about the sky.
- Do not use a score from here as a selection without checking it against the pictures.
"""
CITATIONS = """
- I-JEPA: Assran et al. 2023, CVPR, [arXiv:2301.08243](https://arxiv.org/abs/2301.08243).
- LeJEPA and SIGReg: Balestriero & LeCun 2025,
  [arXiv:2511.08544](https://arxiv.org/abs/2511.08544).
- Galaxy10 DECaLS: Leung & Bovy, `astroNN`,
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
The explorer sends nothing anywhere: no usage statistics, no fonts or scripts from elsewhere, no
look-ups. Links to sky viewers and papers open in your browser only when you click them.

The galaxy that you selected, collections, scores that you gave and pictures that you brought live
in your session's memory: no other visitor sees them, and they are gone when you close or reload
the page. Pictures are never written to disk. What you want to keep, export. The address that you
copy names what is shown (model, data, galaxy, masks, what you drew around) and nothing else.
"""
KEYS = """
On the map: `l` lasso, `b` box, `p` pictures, `Esc` clear, `+` `-` `0` zoom, arrows walk, `/`
search, `s` surprise me. Shift adds to a selection. On the galaxy page: left and right arrow go up
and down the ranks.
"""
LICENCE = (
    "The program is under the MIT licence. The pictures belong to their surveys, whose terms "
    "hold for them."
)


def show(settings: Settings) -> None:
    """Draw the page: words only."""
    st.title("About", anchor=False)
    left, right = st.columns([3, 2], gap="large")
    with left:
        _section("How to read it", READING)
        _section("Limits", LIMITS)
    with right:
        _section("Please cite", CITATIONS)
        _section("Privacy", PRIVACY)
        _section("Licence", LICENCE)
        _section("Keys", KEYS)


def _section(title: str, text: str) -> None:
    st.subheader(title, anchor=False)
    st.markdown(text)


PAGE = Page("About", 7, show, opens_galaxies=False)
