"""The explorer's entry: `streamlit run app/main.py`, or `astrojepa app` from the wheel.

`streamlit run` imports this file once and finds `app`, the server with its own routes; then every
visit and every interaction executes it again as a script, which draws the chosen page. A script is
in no package, so that it finds out which one its neighbours are in: `app` in a checkout,
`astrojepa.app` in the wheel.
"""

import os
import sys
from importlib import import_module
from pathlib import Path

HERE = Path(__file__).resolve().parent
INSTALLED = (HERE.parent / "__init__.py").is_file()
PACKAGE = f"{HERE.parent.name}.{HERE.name}" if INSTALLED else HERE.name
ROOT = str(HERE.parents[1] if INSTALLED else HERE.parent)
sys.path[:0] = [root for root in [ROOT] if root not in sys.path]

if __name__ == "__main__":
    import_module(f"{PACKAGE}.server.readiness").wait()
    import_module(f"{PACKAGE}.shell").run()
else:
    import logging
    import threading

    import streamlit as st
    from streamlit import net_util

    first_look, memory, pictures, readiness = (
        import_module(f"{PACKAGE}.server.{name}")
        for name in ("first_look", "memory", "pictures", "readiness")
    )
    memory.give_back()
    for name in ("navigation", "unsent"):
        try:
            import_module(f"{PACKAGE}.server.{name}").mend()
        except (ImportError, AttributeError) as missing:
            logging.getLogger("astrojepa").warning(
                "The internals of Streamlit %s differ from those that the explorer was tested with "
                "(%s). It runs; rarely a click may be lost, or something stay that should go.",
                st.__version__,
                missing,
            )
    # s; at the usual 5 ms each of a heatmap's hundreds of small steps waits that long for other
    # visitors' pages.
    sys.setswitchinterval(0.001)
    # Streamlit would ask a stranger for this machine's address to judge a page's origin
    net_util.get_external_ip = lambda: None
    threading.Thread(target=readiness.start, daemon=True).start()

    path = (
        st.get_option("server.baseUrlPath") or os.environ.get("STREAMLIT_SERVER_BASE_URL_PATH", "")
    ).strip("/")
    base = f"/{path}" if path else ""
    served = (first_look, pictures, readiness)
    routes = [route for part in served for route in part.routes(base)]
    app = st.App(Path(__file__).resolve(), routes=routes)
