"""What a session knows of the request that began it."""

from bokeh.io import curdoc
from bokeh.models import Div

context = curdoc().session_context
request = context.request
found = {
    "arguments": {
        name: [each.decode() for each in values] for name, values in sorted(request.arguments.items())
    },
    "cookie": request.cookies.get("flavour"),
    "agent": request.headers.get("User-Agent", "")[:7],
    "payload": sorted(set(context.token_payload) & {"headers", "cookies", "arguments"}),
    "id": isinstance(context.id, str) and len(context.id) > 10,
    "destroyed": context.destroyed,
    "logout": context.logout_url,
    "path": request.path,
}
curdoc().add_root(Div(text="; ".join(f"{name}={value}" for name, value in found.items())))
