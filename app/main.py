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
    import contextlib
    import threading

    import streamlit as st
    from streamlit import net_util

    from app import jobs, pictures, settings

    def prepare() -> None:
        """Do what any page waits for while the browser opens; what is wrong is said on the page."""
        with contextlib.suppress(ValueError, OSError):
            settings.settings_of_start()
        jobs.warm_up()

    net_util.get_external_ip = lambda: None  # Streamlit would ask a stranger for this machine's address to judge a page's origin
    threading.Thread(target=prepare, daemon=True).start()

    base = (st.get_option("server.baseUrlPath") or os.environ.get("STREAMLIT_SERVER_BASE_URL_PATH", "")).strip("/")
    app = st.App(Path(__file__).resolve(), routes=pictures.routes(f"/{base}" if base else ""))
