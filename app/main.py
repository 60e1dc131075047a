"""The explorer's entry: `streamlit run app/main.py`.

`streamlit run` imports this file once and finds `app`, the server with the picture route; then every visit and every
interaction executes it again as a script, which draws the chosen page.
"""

import os
import sys
from pathlib import Path

sys.path[:0] = [root for root in [str(Path(__file__).resolve().parent.parent)] if root not in sys.path]

if __name__ == "__main__":
    from app import shell

    shell.run()
else:
    import threading

    import streamlit as st

    from app import jobs, pictures

    threading.Thread(target=jobs.warm_up, daemon=True).start()  # while the browser opens

    base = (st.get_option("server.baseUrlPath") or os.environ.get("STREAMLIT_SERVER_BASE_URL_PATH", "")).strip("/")
    app = st.App(Path(__file__).resolve(), routes=pictures.routes(f"/{base}" if base else ""))
