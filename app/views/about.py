"""About: how to read the explorer, what it cannot say, whose work it stands on, and what it does with data."""

from __future__ import annotations

import streamlit as st

from app.settings import Settings

READING = """
**The map.** Every galaxy is a vector of features that a network learned from pictures alone, without labels. The map squeezes
those vectors onto a plane. Near neighbours on it are usually alike; distances between groups, their sizes and the empty space
mean little, most of all in UMAP and t-SNE. PCA keeps large distances honest and small ones less so.

**Patch errors.** Some patches of the galaxy are hidden; the model predicts their features from the rest. Bright cells are
patches that it predicted badly: a companion, a star, a tidal arm, or an artefact. Only hidden patches are scored, and the colour
scale is the same for all galaxies.

**Anomaly rank.** The mean distance to the 20 nearest galaxies in the features. Rank 1 lies farthest from everything else.
Strange is not the same as interesting: saturated stars, satellite trails and mosaic edges rank high too.

**Probes.** A linear classifier, or 20 nearest neighbours, on the frozen features. An accuracy comes with its interval, its split
and the baselines that it has to beat.
"""
LIMITS = """
- Pictures are stretched, rescaled and compressed: nothing here is photometry.
- Labels are what volunteers or catalogues said, with their own errors and biases.
- A model that has seen one survey may mistake another survey's noise for morphology.
- Simulated galaxies are marked *simulated*; what they show says nothing about the sky.
- Do not use a score from here as a selection without checking it against the pictures.
"""
CITATIONS = """
- Galaxy10 DECaLS: Leung & Bovy, `astroNN`; labels from Galaxy Zoo, images from the DESI Legacy Imaging Surveys.
- Galaxy Zoo DECaLS: Walmsley et al. 2022, MNRAS 509, 3966.
- Galaxy Zoo: Lintott et al. 2008, MNRAS 389, 1179; Lintott et al. 2011, MNRAS 410, 166.
- DESI Legacy Imaging Surveys: Dey et al. 2019, AJ 157, 168.
- Sloan Digital Sky Survey (SDSS) images and redshifts: www.sdss.org.
- EFIGI: Baillard et al. 2011, A&A 532, A74.
- I-JEPA: Assran et al. 2023, CVPR, arXiv:2301.08243.
- LeJEPA and SIGReg: Balestriero & LeCun 2025, arXiv:2511.08544.
"""
PRIVACY = """
The explorer sends nothing anywhere: no usage statistics, no fonts or scripts from elsewhere, no look-ups. Links to sky viewers
open in your browser only when you click them. A selection lives in the session and in the address that you copy.
"""
KEYS = """
`l` lasso, `b` box, `p` pictures, `Esc` clear, `+` `-` `0` zoom, arrows move. Shift adds to a selection. `s`: surprise me.
"""


def show(settings: Settings) -> None:
    """Draw the page: words only."""
    st.title("About", anchor=False)
    left, right = st.columns([3, 2], gap="large")
    with left:
        st.subheader("How to read it", anchor=False)
        st.markdown(READING)
        st.subheader("Limits", anchor=False)
        st.markdown(LIMITS)
    with right:
        st.subheader("Please cite", anchor=False)
        st.markdown(CITATIONS)
        st.subheader("Privacy", anchor=False)
        st.markdown(PRIVACY)
        st.subheader("Licence", anchor=False)
        st.markdown("The program is under the MIT licence. The pictures belong to their surveys.")
        st.subheader("Keys on the map", anchor=False)
        st.markdown(
            "`l` lasso, `b` box, `p` pictures, `Esc` clear, `+` `-` `0` zoom, arrows move, `s` surprise me. Shift adds to a selection."
        )
