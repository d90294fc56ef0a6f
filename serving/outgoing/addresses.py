"""Which addresses are called, and how: encrypted, with certificates checked, never where a redirect leads."""

from __future__ import annotations

import logging
from typing import Final
from urllib.parse import quote, urlsplit

import httpx

_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")


def is_callable(url: str) -> bool:
    """Whether secrets may be sent to an address: `https://...`; plain HTTP to this machine only.

    >>> is_callable("https://crm.example.com"), is_callable("http://crm.example.com")
    (True, False)
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    is_plain = parts.scheme == "http" and host in _LOOPBACK
    return bool(host) and (parts.scheme == "https" or is_plain)


def open_http(url: str = "", *, timeout: float) -> httpx.Client:
    """Opens connections that check certificates and follow no redirect: it would carry secrets elsewhere.

    Args:
        url: that the paths of calls stand below.
        timeout: seconds, of each step of a call.
    """
    # It writes whole addresses into its log, and an address may be a secret.
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)
    return httpx.Client(base_url=url.rstrip("/"), timeout=timeout, follow_redirects=False)


def lead_page(page: str, lead_id: str) -> str:
    """Address of a lead on LeadOdds' own page.

    >>> lead_page("https://leads.example.com/", "a/1")
    'https://leads.example.com/#/lead/a%2F1'
    """
    return f"{page.rstrip('/')}/#/lead/{quote(lead_id, safe='')}"
