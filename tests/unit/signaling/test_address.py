from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from lkedge.errors import JoinRefused
from lkedge.signaling.address import SignalAddress, join_query
from lkedge.signaling.requests import ResumeFrom, ResumeReason


@pytest.mark.parametrize(
    ("url", "websocket", "validate"),
    [
        ("ws://host:7880", "ws://host:7880/rtc", "http://host:7880/rtc/validate"),
        ("wss://host", "wss://host:443/rtc", "https://host:443/rtc/validate"),
        ("http://host/", "ws://host:80/rtc", "http://host:80/rtc/validate"),
        ("https://host/live/kit/", "wss://host:443/live/kit/rtc", "https://host:443/live/kit/rtc/validate"),
        ("wss://host/rtc", "wss://host:443/rtc", "https://host:443/rtc/validate"),
        (" ws://[::1]:7880 ", "ws://[::1]:7880/rtc", "http://[::1]:7880/rtc/validate"),
    ],
)
def test_urls(url: str, websocket: str, validate: str) -> None:
    address = SignalAddress.parse(url)
    assert address.websocket_url({}) == websocket
    assert address.validate_url({}) == validate


@pytest.mark.parametrize("url", ["", "host:7880", "ftp://host", "ws://", "ws://host:99999", "ws://host:0", "ws://[::1"])
def test_refuses_what_is_no_address(url: str) -> None:
    with pytest.raises(JoinRefused, match="is no server address"):
        SignalAddress.parse(url)


def test_credentials_never_show() -> None:
    assert SignalAddress.parse("wss://user:pa55@host/x").name == "host:443"
    with pytest.raises(JoinRefused) as refused:
        SignalAddress.parse("ftp://user:pa55@host/x?access_token=t0ken")
    assert "pa55" not in str(refused.value)
    assert "t0ken" not in str(refused.value)


@pytest.mark.parametrize(
    ("host", "is_loopback"), [("localhost", True), ("127.0.0.2", True), ("[::1]", True), ("a.b", False)]
)
def test_loopback(host: str, is_loopback: bool) -> None:
    assert SignalAddress.parse(f"ws://{host}:1").is_loopback is is_loopback


def test_query_of_a_join() -> None:
    url = SignalAddress.parse("ws://host").websocket_url(join_query({"os": "linux", "device_model": "Pi & Co"}))
    assert parse_qs(urlsplit(url).query) == {
        "protocol": ["16"],
        "auto_subscribe": ["0"],
        "sdk": ["python"],
        "os": ["linux"],
        "device_model": ["Pi & Co"],
    }


def test_query_of_a_resume() -> None:
    query = join_query({}, ResumeFrom("PA_1", "camera", ResumeReason.PUBLISHER_FAILED))
    assert (query["reconnect"], query["sid"], query["reconnect_reason"]) == ("1", "PA_1", "2")
