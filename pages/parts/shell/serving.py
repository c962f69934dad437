"""How the dashboard is served: which requests are answered, and the browser that opens when it starts.

`server.allowedHosts` of Streamlit looks at the websocket alone. Here every request is held against it, so that a
foreign name that resolves to this machine (DNS rebinding) reaches neither pages nor files, a foreign page can
open no session, and no page may show the dashboard in a frame.
"""

import threading
import webbrowser
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlencode, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit import config

from core.runs.drafts import is_owner, new_owner
from pages.parts.session.keeping import COOKIE
from pages.parts.shell.navigation import FORMER_ADDRESSES, MISSING, PAGES

LONGEST_ADDRESS = 80
"""Characters of a wrong address that the page about it shows."""
COOKIE_SECONDS = 365 * 24 * 60 * 60
ANSWER_HEADERS = {
    "Content-Security-Policy": "frame-ancestors 'none'",
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}


class RequestGuard:
    """ASGI middleware that refuses foreign hosts and origins, and forbids framing."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 403 to a foreign request, hand any other on."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if not is_own(headers.get("host", ""), headers.get("origin")):
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008})
            else:
                answer = PlainTextResponse("This address is not one of server.allowedHosts.", status_code=403)
                await answer(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer_headers = MutableHeaders(scope=message)
                answer_headers.update(ANSWER_HEADERS)
                if answer_headers.get("content-type", "").startswith("text/html"):
                    _answer_page(scope, headers, message, answer_headers)
            await send(message)

        await self.app(scope, receive, send_guarded)


def _answer_page(scope: Scope, headers: Headers, message: Message, answer_headers: MutableHeaders) -> None:
    """Lead an address that is no page elsewhere, and name the browser where it has no name yet."""
    elsewhere = leads_to(scope["path"], scope["query_string"].decode("latin-1"))
    if elsewhere and message["status"] == 200:
        message["status"] = 307
        answer_headers["Location"] = elsewhere
        answer_headers["Cache-Control"] = "no-store"
    if not has_owner(headers):
        answer_headers.append("Set-Cookie", owner_cookie(secure=scope["scheme"] == "https"))


def leads_to(path: str, query: str) -> str:
    """Where an address leads that Streamlit would answer with its start page: nowhere else if it is a page's own.

    A former name of a page leads to the page, with all that the link says; any other address to the page that says so.
    """
    base = config.get_option("server.baseUrlPath").strip("/")
    asked = path.strip("/").removeprefix(base).strip("/").strip()
    if not asked or asked in (*PAGES[1:], MISSING):
        return ""
    page = FORMER_ADDRESSES.get(asked, MISSING)
    said = urlencode({"asked": asked[:LONGEST_ADDRESS]}) if page == MISSING else query
    address = "/".join(["", *filter(None, (base, page if page != PAGES[0] else ""))]) or "/"
    return f"{address}?{said}" if said else address


@asynccontextmanager
async def open_browser(_app: object) -> AsyncIterator[None]:
    """Open the dashboard in the reader's browser when the server has started; `streamlit run` leaves it to us."""
    if not config.get_option("server.headless"):
        scheme = "https" if config.get_option("server.sslCertFile") else "http"
        host = f"{config.get_option('browser.serverAddress')}:{config.get_option('server.port')}"
        url = f"{scheme}://{host}/{config.get_option('server.baseUrlPath').strip('/')}"
        threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()
    yield


def has_owner(headers: Headers) -> bool:
    """Whether a request's cookies name whose drafts are shown."""
    cookies = cookie_parser(headers.get("cookie", ""))
    return is_owner(cookies.get(COOKIE, ""))


def owner_cookie(secure: bool) -> str:
    """A new owner's name for a browser that has none: read by the server alone, sent along when a link is followed.

    With `SameSite=Strict` a link in a mail would come without it, and the browser would get another name.
    """
    protected = "; Secure" if secure else ""
    return f"{COOKIE}={new_owner()}; Path=/; Max-Age={COOKIE_SECONDS}; HttpOnly; SameSite=Lax{protected}"


def is_own(host: str, origin: str | None) -> bool:
    """Whether a request names an allowed host and, where it names an origin, comes from the same one."""
    name = _hostname(f"//{host}")
    allowed = [str(entry).strip().lower() for entry in config.get_option("server.allowedHosts")]
    if not name or not any(_matches(name, entry) for entry in allowed or ["*"]):
        return False
    if origin is None or origin in config.get_option("server.corsAllowedOrigins"):
        return True
    return urlsplit(origin).netloc.lower() == host.lower()


def _hostname(url: str) -> str:
    try:
        parts = urlsplit(url)
        return "" if "@" in parts.netloc else (parts.hostname or "").rstrip(".")
    except ValueError:
        return ""


def _matches(name: str, entry: str) -> bool:
    if entry == "*" or name == entry:
        return True
    return entry.startswith("*.") and name.endswith(entry[1:])
