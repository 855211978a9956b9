"""Frames made in short ways are those of the long way."""

from embedsync.framing import Framing, framed, rest_of

MESSAGES: list[list[bytes | str]] = [
    [b"one"],
    [b"one", b"two"],
    [b"one", "two"],
    ["one", "two"],
    [b"x" * 16_000],
    [b"x" * 100_000],
    [b"before", b"x" * 100_000, b"after"],
    [],
]


def test_what_was_framed_for_one_socket_serves_others_and_is_what_each_would_have_got() -> None:
    framing = Framing()
    for messages in (*MESSAGES, *reversed(MESSAGES)):
        for _ in range(3):
            assert framing.framed(list(messages)) == framed(messages)


def test_sockets_that_are_told_the_same_share_the_bytes() -> None:
    framing, message = Framing(), b"x" * 1000
    [first], [second] = framing.framed([message]), framing.framed([message])
    assert first is second


def test_nothing_large_is_kept_once_it_was_framed() -> None:
    framing = Framing()
    framing.framed([b"small"])
    framing.framed([b"x" * 100_000])
    assert framing.framed([b"small"]) == framed([b"small"])
    kept, pieces = framing._last
    assert sum(map(len, kept)) + sum(map(len, pieces)) < 100


def test_what_is_left_of_pieces_follows_what_was_written() -> None:
    pieces = [b"abc", b"defg", b"", b"h", b"ijklm"]
    whole = b"".join(pieces)
    for written in range(len(whole) + 1):
        assert b"".join(rest_of(pieces, written)) == whole[written:]
