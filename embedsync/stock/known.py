"""Definitions of models inside of encoded events, and whole documents with their arrays inside."""

from __future__ import annotations

import base64
import gzip
import re
from collections.abc import Container, Iterator, Mapping
from typing import Any

import msgspec

__all__ = ["buffers_of", "defined_in", "defined_in_values", "referring", "with_buffers_inside"]

# Quotes inside of a text are escaped, so this matches the beginning of an object and nothing else.
_DEFINITION = re.compile(rb'"type":"object","name":"[^"]*","id":"([^"]*)"')
_BYTES = re.compile(rb'"type":"bytes","data":\{"id":"([^"]*)"\}')

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


def defined_in(encoded: bytes) -> list[str]:
    """Ids of the models that JSON of ours defines."""
    return [each.decode() for each in _DEFINITION.findall(encoded)]


def defined_in_values(values: Any) -> Iterator[str]:
    """Ids of the models that decoded JSON of a client defines."""
    below = [values]
    while below:
        each = below.pop()
        if isinstance(each, dict):
            if each.get("type") == "object" and isinstance(each.get("id"), str):
                yield each["id"]
            below.extend(each.values())
        elif isinstance(each, list):
            below.extend(each)


def buffers_of(values: Any) -> Iterator[str]:
    """Ids of the buffers that decoded JSON of a client refers to."""
    below = [values]
    while below:
        each = below.pop()
        if isinstance(each, dict):
            data = each.get("data")
            if each.get("type") == "bytes" and isinstance(data, dict) and isinstance(data.get("id"), str):
                yield data["id"]
            below.extend(each.values())
        elif isinstance(each, list):
            below.extend(each)


def referring(event: bytes, known: Container[str]) -> list[bytes]:
    """An event in which models that a client knows are referred to, after events that set their properties.

    Bokeh in Python ignores what a definition says of a model that it has, and newer releases of
    BokehJS may too.
    """
    writes: list[bytes] = []
    changed = _without_definitions(_decode(event), known, writes)
    return [*writes, _encode(changed)]


def _without_definitions(value: Any, known: Container[str], writes: list[bytes]) -> Any:
    if isinstance(value, list):
        return [_without_definitions(each, known, writes) for each in value]
    if not isinstance(value, dict):
        return value
    inside = {name: _without_definitions(each, known, writes) for name, each in value.items()}
    if value.get("type") != "object" or value.get("id") not in known:
        return inside
    reference = {"id": value["id"]}
    for name, each in inside.get("attributes", {}).items():
        writes.append(_encode({"kind": "ModelChanged", "model": reference, "attr": name, "new": each}))
    return reference


def with_buffers_inside(encoded: bytes, buffers: Mapping[str, bytes]) -> bytes:
    """JSON of ours with the bytes that it refers to, as Bokeh writes them into text.

    BokehJS drops the buffers of a document that it pulls again, after its socket was lost.
    """
    if not buffers:
        return encoded

    def inside(found: re.Match[bytes]) -> bytes:
        # Bokeh wants gzip here; what it cannot compress much is not worth the time.
        packed = gzip.compress(buffers[found[1].decode()], compresslevel=0, mtime=0)
        return b'"type":"bytes","data":"' + base64.b64encode(packed) + b'"'

    return _BYTES.sub(inside, encoded)
