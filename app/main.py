"""The explorer's entry: `streamlit run app/main.py`.

`streamlit run` imports this file once and finds `app`, the server with its own routes; then every visit and every
interaction executes it again as a script, which draws the chosen page.
"""

import os
import sys
from pathlib import Path

sys.path[:0] = [root for root in [str(Path(__file__).resolve().parent.parent)] if root not in sys.path]

if __name__ == "__main__":
    from app import readiness

    readiness.wait()
    from app import shell

    shell.run()
else:
    import threading

    import streamlit as st
    from streamlit import net_util

    from app import memory, navigation, pictures, readiness

    memory.give_back()
    navigation.hold()
    # s; at the usual 5 ms each of a heatmap's hundreds of small steps waits that long for other visitors' pages.
    sys.setswitchinterval(0.001)
    net_util.get_external_ip = lambda: None  # Streamlit would ask a stranger for this machine's address to judge a page's origin
    threading.Thread(target=readiness.start, daemon=True).start()

    path = (st.get_option("server.baseUrlPath") or os.environ.get("STREAMLIT_SERVER_BASE_URL_PATH", "")).strip("/")
    base = f"/{path}" if path else ""
    app = st.App(Path(__file__).resolve(), routes=[*pictures.routes(base), *readiness.routes(base)])
