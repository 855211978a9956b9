"""Panel changes the process that imports it, and brings Tornado: its tests have one of their own."""

import os

collect_ignore = [] if os.environ.get("PANEL_IS_WELCOME") else ["inside"]
