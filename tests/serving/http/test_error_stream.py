"""The error stream: whoever does not read it stops no server."""

from __future__ import annotations

import json
import threading
import time

from serving.http.error_stream import ErrorStream


def test_write__waits_for_no_reader_and_counts_what_it_drops() -> None:
    written: list[bytes] = []
    is_read, has_begun = threading.Event(), threading.Event()

    def write(lines: bytes) -> None:
        has_begun.set()
        is_read.wait(10)
        written.append(lines)

    stream = ErrorStream(write, most_bytes=10)
    stream.write(b"first\n")
    assert has_begun.wait(10)

    stream.write(b"2\n3\n")
    stream.write(b"4\n")

    assert not stream.flush(seconds=0.0)
    is_read.set()
    assert stream.flush(seconds=10)
    stream.write(b"5\n")
    assert stream.flush(seconds=10)
    note, last = written[-1].splitlines()
    assert written[:-1] == [b"first\n", b"2\n3\n"]
    assert json.loads(note)["message"] == "1 lines were not written"
    assert last == b"5"


def test_end__leaves_no_line_to_a_process_that_is_killed_next() -> None:
    written: list[bytes] = []

    def write(lines: bytes) -> None:
        time.sleep(0.01)
        written.append(lines)

    stream = ErrorStream(write)
    stream.write(b"1\n")
    stream.end()
    before = [*written]
    stream.write(b"2\n")

    assert (before, written) == ([b"1\n"], [b"1\n", b"2\n"])


def test_write__goes_on_after_a_reader_has_gone() -> None:
    written: list[bytes] = []

    def write(lines: bytes) -> None:
        if not written:
            written.append(b"")
            raise BrokenPipeError
        written.append(lines)

    stream = ErrorStream(write)
    stream.write(b"lost\n")
    assert stream.flush(seconds=10)

    stream.write(b"kept\n")

    assert stream.flush(seconds=10)
    assert written == [b"", b"kept\n"]
