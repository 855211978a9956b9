"""A table, whose library is a script of Panel's extension."""

import pandas as pd
import panel as pn

pn.extension("tabulator")

table = pn.widgets.Tabulator(pd.DataFrame({"name": ["a", "b"], "count": [1, 2]}), show_index=False)
said = pn.pane.Markdown("nothing yet")
table.on_edit(lambda event: said.param.update(object=f"{event.column} {event.old} is {event.value}"))
pn.Column(table, said).servable()
