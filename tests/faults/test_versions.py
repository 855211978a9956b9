"""Pages and servers of different versions: F36."""

from __future__ import annotations

import json
import struct

from embedsync import wire
from tests.contract.client import Attached, Client, elements_of
from tests.faults.sites import FaultSite


def test_f36_a_page_of_another_major_version_is_told_to_load_itself_again(patient: FaultSite) -> None:
    """Pages that speak an older and a newer protocol open an app, and one resumes."""
    [element] = elements_of(patient.page("tally"))
    resume = wire.Resume(session="s", client="c", secret="x", epoch="e", seq=0)
    for version in (wire.PROTOCOL_VERSION - 1, wire.PROTOCOL_VERSION + 1):
        for opening in (
            wire.Open(protocol=version, ticket=element.ticket), wire.Open(protocol=version, resume=resume),
        ):  # fmt: skip
            with Client(element.endpoint) as client:
                client.begin(opening)
                code = client.wait_closed()
                assert code == wire.Close.RELOAD
                assert wire.action_of(code) is wire.Action.RELOAD
    assert patient.health()["sessions"] == 0


def test_f36_what_a_newer_minor_version_adds_is_ignored(patient: FaultSite) -> None:
    """Each frame of a page carries fields that this server does not know."""
    [element] = elements_of(patient.page("tally"))
    with Client(element.endpoint) as client:
        attached = Attached(1)
        client.attached[1] = attached
        _send_newer(client, wire.Open(protocol=wire.PROTOCOL_VERSION, build="newer", ticket=element.ticket))
        client.wait(lambda: attached.document)
        assert attached.opened is not None
        event = {"kind": "MessageSent", "msg_type": "step", "msg_data": 3}
        edit = wire.Edit(cseq=1, base=attached.seq, epoch=attached.opened.epoch, events=[event])
        _send_newer(client, edit)
        assert client.result(attached, 1).commit
        client.wait_for_value(attached, "total", "value", "3")
        _send_newer(client, wire.Ack(seq=attached.seq, cseq=1))
        assert patient.runs(attached.opened.session, "step") == [3]
        _send_newer(client, wire.Detach())


def _send_newer(client: Client, frame: wire.ClientFrame) -> None:
    """Send a frame with a field that nobody knows yet."""
    message = wire.frame(1, wire.encode_payload(frame))
    _, length = struct.unpack_from("<II", message)
    assert len(message) == 8 + length, "it carries no buffers"
    header = json.dumps(json.loads(message[8:]) | {"invented_later": {"anything": [1, 2]}}).encode()
    client.socket.send(struct.pack("<II", 1, len(header)) + header)
