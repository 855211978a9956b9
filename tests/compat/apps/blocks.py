"""A template of text: blocks of Bokeh's own page."""

from bokeh.io import curdoc
from bokeh.models import Button, Div

count = Div(text="not yet", name="count")
button = Button(label="Count", name="button")
button.on_click(lambda: setattr(count, "text", "counted"))
curdoc().add_root(count)
curdoc().add_root(button)
curdoc().title = "Blocks"
curdoc().template_variables["greeting"] = "Good <day>"
curdoc().template = """
{% block postamble %}<style>#frame { display: grid; grid-template-columns: 200px 200px }</style>
<script>window.versionInHead = Bokeh.version</script>{% endblock %}
{% block contents %}
<h1>{{ greeting | e }}</h1>
<div id="frame">
<div id="right">{{ embed(roots.button) }}</div><div id="left">{{ embed(roots.count) }}</div>
</div>
<p id="names">{% for root in doc.roots %}{{ root.name }} {% endfor %}{{ roots | length }}</p>
{% endblock %}
"""
