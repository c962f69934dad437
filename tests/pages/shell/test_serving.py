"""The README's start without make: this machine alone, its own names, its own pages, no frame around it."""

import asyncio
import http.client
import queue
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from core.runs.drafts import is_owner
from pages.parts.session.keeping import COOKIE
from pages.parts.shell import serving
from tests.support.server import dashboard

UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
}


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with dashboard(tmp_path_factory.mktemp("home")) as port:
        yield port


def answer(port: int, path: str, headers: Mapping[str, str]) -> http.client.HTTPResponse:
    """The head of the answer to a GET, over IPv4."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.putrequest("GET", path, skip_host=True)
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    response = connection.getresponse()
    connection.close()
    return response


def test_server_listens_on_this_machine_alone(port: int) -> None:
    listening = {
        entry.laddr.ip
        for entry in psutil.net_connections("tcp")
        if entry.status == psutil.CONN_LISTEN and entry.laddr.port == port
    }
    assert listening == {"127.0.0.1"}


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "LOCALHOST"])
def test_own_names_are_answered(port: int, host: str) -> None:
    assert answer(port, "/", {"Host": f"{host}:{port}"}).status == 200
    own = {**UPGRADE, "Host": f"{host}:{port}", "Origin": f"http://{host}:{port}"}
    assert answer(port, "/_stcore/stream", own).status == 101


@pytest.mark.parametrize(
    "host", ["rebound.example", "localhost.rebound.example", "rebound.example@localhost", ""]
)
def test_foreign_host_is_refused(port: int, host: str) -> None:
    for path in ("/", "/circuit", "/_stcore/host-config", "/media/x", "/_stcore/stream"):
        asked = {"Host": host and f"{host}:{port}", **(UPGRADE if path.endswith("stream") else {})}
        assert answer(port, path, asked).status == 403, path


@pytest.mark.parametrize("origin", ["http://attacker.example", "http://localhost:1", "null"])
def test_foreign_page_opens_no_session(port: int, origin: str) -> None:
    asked = {**UPGRADE, "Host": f"localhost:{port}", "Origin": origin}
    assert answer(port, "/_stcore/stream", asked).status == 403


def test_browser_opens_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: queue.Queue[str] = queue.Queue()
    monkeypatch.setattr("webbrowser.open", opened.put)
    options = {
        "server.headless": False,
        "server.sslCertFile": None,
        "browser.serverAddress": "localhost",
        "server.port": 8600,
        "server.baseUrlPath": "",
    }
    monkeypatch.setattr(serving.config, "get_option", options.__getitem__)

    async def start() -> None:
        async with serving.open_browser(None):
            pass

    with ThreadPoolExecutor(1) as other:  # this thread may have the loop of a browser
        other.submit(asyncio.run, start()).result(timeout=10)
    assert opened.get(timeout=10) == "http://localhost:8600/"


@pytest.mark.parametrize("path", ["/", "/guide", "/_stcore/health"])
def test_framing_is_forbidden(port: int, path: str) -> None:
    headers = answer(port, path, {"Host": f"localhost:{port}"}).headers
    assert headers["Content-Security-Policy"] == "frame-ancestors 'none'"
    assert headers["X-Frame-Options"] == "DENY"


def test_page_names_the_browser_once_and_keeps_a_name_that_is_ours(port: int) -> None:
    host = {"Host": f"localhost:{port}"}
    given = answer(port, "/", host).getheader("Set-Cookie") or ""
    name, *rules = given.split("; ")
    assert is_owner(name.removeprefix(f"{COOKIE}="))
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(rules)
    assert "Secure" not in rules
    assert "Secure" in serving.owner_cookie(secure=True)
    assert answer(port, "/", host | {"Cookie": f"other=1; {name}"}).getheader("Set-Cookie") is None
    forged = answer(port, "/", host | {"Cookie": f"{COOKIE}=../../x"}).getheader("Set-Cookie") or ""
    assert is_owner(forged.split(";")[0].removeprefix(f"{COOKIE}="))
    assert COOKIE not in (answer(port, "/_stcore/health", host).getheader("Set-Cookie") or "")


@pytest.mark.parametrize(
    ("path", "query", "leads"),
    [
        ("/", "", ""),
        ("/model", "run=x", ""),
        ("/missing", "asked=x", ""),
        ("/start", "run=x", "/?run=x"),
        ("/start", "", "/"),
        ("/robustness", "lang=ja&run=x", "/sensitivity?lang=ja&run=x"),
        ("/modle", "run=x", "/missing?asked=modle"),
        ("/a/b.css", "", "/missing?asked=a%2Fb.css"),
        ("//evil.example", "", "/missing?asked=evil.example"),
        ("/\r\nx: y", "", "/missing?asked=x%3A+y"),
        ("/" + "x" * 500, "", "/missing?asked=" + "x" * serving.LONGEST_ADDRESS),
    ],
)
def test_address_that_is_no_page_leads_to_one(path: str, query: str, leads: str) -> None:
    assert serving.leads_to(path, query) == leads


def test_wrong_address_is_answered_on_the_way_in(port: int) -> None:
    host = {"Host": f"localhost:{port}"}
    wrong = answer(port, "/modle", host)
    assert (wrong.status, wrong.getheader("Location")) == (307, "/missing?asked=modle")
    assert answer(port, "/missing?asked=modle", host).status == 200
    assert answer(port, "/model", host).status == 200


def test_addresses_below_a_base_path_stay_below_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving.config, "get_option", lambda name: {"server.baseUrlPath": "/tools/hl/"}[name])
    assert serving.leads_to("/tools/hl/", "") == ""
    assert serving.leads_to("/tools/hl/model", "") == ""
    assert serving.leads_to("/tools/hl/robustness", "run=x") == "/tools/hl/sensitivity?run=x"
    assert serving.leads_to("/tools/hl/x", "") == "/tools/hl/missing?asked=x"
