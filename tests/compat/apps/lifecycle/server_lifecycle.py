"""The older name for hooks."""

LOADED = []


def on_server_loaded(server_context):
    LOADED.append("loaded")


def on_session_created(session_context):
    session_context.custom = " ".join([*LOADED, "created"])
