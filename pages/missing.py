"""There is no page at this address: which it was, and the ways on."""

import streamlit as st

from pages.parts import shell
from pages.parts.session.state import t

LONGEST = 80  # Characters of the address

shell.header("missing", t("missing.lead"))
if asked := st.query_params.get("asked", "")[:LONGEST]:
    st.markdown(t("missing.asked", address=shell.plain(f"/{asked}")))
with st.container(horizontal=True):
    for page in ("start", "runs", "guide"):
        name = t("missing.to", page=t(f"{page}.name"))
        if st.button(name, key=f"to_{page}", type="primary" if page == "start" else "secondary"):
            shell.go(page)
