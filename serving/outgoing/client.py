"""Calls another system over HTTP: paced, retried as it says, signed in anew when its token ended.

A call may reach the other side and its answer be lost, so only calls that are harmless when they come twice
belong here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from features.errors import LeadOddsError
from serving.outgoing.addresses import is_callable, open_http
from serving.outgoing.retries import LATER, backoff, retry_after

Sleep = Callable[[float], None]

_ATTEMPTS: Final = 6
_TIMEOUT_SECONDS: Final = 60.0
_LONGEST_BACKOFF_SECONDS: Final = 60.0
# A limit that holds for longer is a daily one: whoever started the command should know, not wait.
_LONGEST_WAIT_SECONDS: Final = 600.0
_UNAUTHORIZED: Final = 401
_TOO_LARGE: Final = 413
_SHOWN: Final = 300


class TargetError(LeadOddsError):
    """A system that cannot be called, or does not take what is sent to it."""

    def __init__(self, place: str, *, fault: str) -> None:
        super().__init__(f"{place}: {fault.rstrip('.')}.")


class TooLargeError(TargetError):
    """A body that a system, or a proxy before it, finds too large."""


class TargetClient:
    """Calls one system."""

    def __init__(
        self,
        url: str,
        *,
        sign: Callable[[TargetClient], Mapping[str, str]],
        requests_per_second: float,
        sleep: Sleep = time.sleep,
    ) -> None:
        """Prepares the calls; nothing is sent yet.

        Args:
            url: of the system, `https://...`; plain HTTP to this machine only, because tokens go there.
            sign: gives the headers that say who calls. It is called once, and again after a 401.
            requests_per_second: calls are spread so that there are never more.
            sleep: waits so many seconds.

        Raises:
            TargetError: the URL is none, or not encrypted.
        """
        if not is_callable(url):
            raise TargetError(url or "The CRM", fault="its url must be like https://crm.example.com")
        self.place = urlsplit(url).hostname or url
        self._sign = sign
        self._headers: Mapping[str, str] | None = None
        self._pause = 1.0 / requests_per_second
        self._next = 0.0
        self._sleep = sleep
        self._http = open_http(url, timeout=_TIMEOUT_SECONDS)

    def close(self) -> None:
        """Closes the connections."""
        self._http.close()

    def send(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        content: bytes | None = None,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        signed: bool = True,
    ) -> httpx.Response:
        """Sends a request until it is answered with anything but "later".

        Args:
            method: of HTTP.
            path: below the URL, or a whole URL of the same system's sign-in.
            json: the body, as JSON.
            content: the body, as it is.
            form: the body, as fields of a form.
            headers: further ones.
            signed: whether the caller's headers go with it.

        Returns:
            The answer; its status may be one of refusal.

        Raises:
            TargetError: there was no answer after all attempts, the wait is too long, or the caller is not
                let in.
        """
        may_sign_in_again = signed
        fault = ""
        for attempt in range(_ATTEMPTS):
            own = self._signature() if signed else {}
            self._keep_pace()
            try:
                response = self._http.request(
                    method, path, json=json, content=content, data=form, headers={**own, **(headers or {})}
                )
            except httpx.TransportError as error:
                fault = f"it did not answer ({type(error).__name__})"
                self._sleep(backoff(attempt, longest=_LONGEST_BACKOFF_SECONDS))
                continue
            if response.status_code == _UNAUTHORIZED and may_sign_in_again:
                # Once: a token ends in the middle of the work, a wrong one stays wrong.
                self._headers, may_sign_in_again = None, False
                continue
            if response.status_code not in LATER:
                return self._admitted(response)
            fault = f"it answered {response.status_code} {_ATTEMPTS} times ({explain(response)})"
            self._sleep(self._wait(response, attempt))
        raise TargetError(self.place, fault=fault)

    def check(self, response: httpx.Response) -> httpx.Response:
        """Lets an answer pass that is a success.

        Raises:
            TooLargeError: what was sent is too large.
            TargetError: it is none.
        """
        if not response.is_success:
            kind = TooLargeError if response.status_code == _TOO_LARGE else TargetError
            raise kind(self.place, fault=f"it answered {response.status_code} ({explain(response)})")
        return response

    def accept(self, response: httpx.Response) -> Any:
        """Reads the JSON of an answer that has to be a success; None where it has no body.

        Raises:
            TargetError: it is none, by its status or by what it says, or is no JSON, such as the page of a
                proxy.
        """
        if not self.check(response).content:
            return None
        told = f"it answered {response.status_code}"
        try:
            answer = response.json()
        except (ValueError, RecursionError):
            raise TargetError(
                self.place, fault=f"{told} with what is no JSON ({explain(response)})"
            ) from None
        if isinstance(answer, dict) and (answer.get("error") or answer.get("status") == "error"):
            raise TargetError(self.place, fault=f"{told} with an error ({explain(response)})")
        return answer

    def accept_object(self, response: httpx.Response, *names: str) -> dict[str, Any]:
        """Reads the JSON object of an answer that has to be a success.

        Args:
            response: the answer.
            names: that it has to have.

        Raises:
            TargetError: see `accept`; or it is another thing, or lacks a name.
        """
        answer = self.accept(response)
        if not isinstance(answer, dict) or not all(name in answer for name in names):
            fault = f"it answered {response.status_code} without {', '.join(names) or 'an object'}"
            raise TargetError(self.place, fault=fault)
        return answer

    def sign_in(self, url: str, form: Mapping[str, str]) -> dict[str, str]:
        """Signs in as an application; gives the header with the token.

        Args:
            url: of the sign-in.
            form: who signs in.

        Raises:
            TargetError: it is not let in, or the address is not encrypted.

        Source: OAuth 2.0, RFC 6749 section 4.4, "Client Credentials Grant".
        """
        if not url.startswith("/") and not is_callable(url):
            raise TargetError(url, fault="the address of the sign-in must be like https://login.example.com")
        sent = {"grant_type": "client_credentials", **form}
        signed = self.accept_object(self.send("POST", url, form=sent, signed=False), "access_token")
        return {"Authorization": f"Bearer {signed['access_token']}"}

    def _signature(self) -> Mapping[str, str]:
        if self._headers is None:
            self._headers = self._sign(self)
        return self._headers

    def _keep_pace(self) -> None:
        now = time.monotonic()
        if self._next > now:
            self._sleep(self._next - now)
        self._next = max(now, self._next) + self._pause

    def _admitted(self, response: httpx.Response) -> httpx.Response:
        if response.status_code in (_UNAUTHORIZED, 403):
            fault = f"it lets this key do nothing of the kind: {response.status_code} ({explain(response)})"
            raise TargetError(self.place, fault=fault)
        if response.is_redirect:
            raise TargetError(self.place, fault="it answered with a redirect; name the address it leads to")
        return response

    def _wait(self, response: httpx.Response, attempt: int) -> float:
        seconds = retry_after(response.headers)
        if seconds is None:
            return backoff(attempt, longest=_LONGEST_BACKOFF_SECONDS)
        if seconds > _LONGEST_WAIT_SECONDS:
            fault = f"its limit is used up for {seconds:,.0f} seconds; run the command again after that"
            raise TargetError(self.place, fault=fault)
        return seconds


def explain(response: httpx.Response) -> str:
    """Takes the sentence that an answer gives for its refusal, in the shapes of the four vendors."""
    try:
        body = response.json()
    except (ValueError, RecursionError):
        return " ".join(response.text.split())[:_SHOWN] or response.reason_phrase
    if isinstance(body, list) and body:
        body = body[0]
    if not isinstance(body, dict):
        return response.reason_phrase
    inner = body.get("error")
    found = inner.get("message") if isinstance(inner, dict) else None
    errors = body.get("errors")
    listed = errors if isinstance(errors, list) else []
    details = [detail.get("message") for detail in listed if isinstance(detail, dict)]
    found = (
        found
        or next(filter(None, details), None)
        or body.get("message")
        or body.get("error_description")
        or inner
    )
    return str(found or response.reason_phrase)[:_SHOWN]
