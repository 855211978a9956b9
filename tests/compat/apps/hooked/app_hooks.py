"""Hooks of the process and of each session."""

from .notes import note


def on_server_loaded(server_context):
    note("server loaded")


def on_server_unloaded(server_context):
    note("server unloaded")


def on_session_created(session_context):
    note(f"session created {session_context.request.arguments['visit'][0].decode()}")


def on_session_destroyed(session_context):
    note(f"session destroyed {session_context.request.arguments['visit'][0].decode()}")


def process_request(request):
    return {"visit": request.arguments["visit"][0].decode()}
