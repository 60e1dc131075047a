"""The explorer: `streamlit run app/main.py`. Views compose, the package `astrojepa` computes."""
