from __future__ import annotations

import asyncio
import contextvars
import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from textwrap import dedent
from types import ModuleType
from typing import Any

import pytest
from bokeh.application import Application
from bokeh.application.handlers import FunctionHandler, ScriptHandler
from bokeh.application.handlers.document_lifecycle import DocumentLifecycleHandler
from bokeh.io import curdoc
from bokeh.models import Div

from embedsync.documents import load
from embedsync.errors import BuildError, ConfigurationError
from tests.documents.bokeh.harness import Host, Live, events, info, run_steps, write

HELLO = """
    from bokeh.io import curdoc
    from bokeh.models import Div
    curdoc().add_root(Div(text="hello"))
"""


@pytest.fixture(autouse=True)
def _same_path() -> Iterator[None]:
    """Folders of apps stay on the path on purpose; those of tests need not."""
    before = list(sys.path)
    yield
    sys.path[:] = before


Write = Callable[[str, str], Path]


@pytest.fixture
def put(tmp_path: Path) -> Write:
    def put(name: str, text: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text))
        return path

    return put


def texts(live: Live) -> list[str]:
    return [each.text for each in live.doc.roots if isinstance(each, Div)]


def build(recipe: Any) -> None:
    contextvars.copy_context().run(run_steps, recipe.build(Host(), info()))


# Functions.


def test_an_asynchronous_function_is_awaited_with_its_document_current() -> None:
    async def app(doc: Any) -> None:
        await asyncio.sleep(0)
        assert curdoc() is doc
        doc.add_root(Div(text="awaited"))

    assert texts(Live(app)) == ["awaited"]


def test_callbacks_that_run_while_the_app_is_built_run_as_they_would_in_bokeh() -> None:
    def app(doc: Any) -> None:
        div, shown = Div(text="a"), Div(text="")

        async def later(attr: str, old: str, new: str) -> None:
            shown.text += "async"

        div.on_change("text", lambda attr, old, new: setattr(shown, "text", new), later)
        doc.add_root(div)
        doc.add_root(shown)
        div.text = "b"

    live = Live(app)
    assert texts(live) == ["b", "basync"]
    live.check_mirror()


def test_an_app_that_raises_leaves_nothing_behind() -> None:
    recipe = load(lambda doc: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        build(recipe)
    assert recipe.server_context.sessions == []  # type: ignore[attr-defined]


def test_an_app_that_ends_itself_ends_nothing_else(put: Write) -> None:
    with pytest.raises(BuildError, match=r"SystemExit\(3\)"):
        build(load(put("app.py", "import sys\nsys.exit(3)")))

    async def app(doc: Any) -> None:
        sys.exit(4)

    with pytest.raises(BuildError, match=r"SystemExit\(4\)"):
        build(load(app))


def test_a_document_taken_from_another_app_is_an_error_and_no_half_root() -> None:
    taken = Div(text="taken")
    Live(lambda doc: doc.add_root(taken))

    def app(doc: Any) -> None:
        with pytest.raises(RuntimeError, match="already in a doc"):
            doc.add_root(taken)
        doc.add_root(Div(text="own"))

    assert texts(Live(app)) == ["own"]


@pytest.mark.parametrize("function", [lambda *, a: None, lambda a, b: None])
def test_a_function_that_does_not_take_one_document_is_a_mistake(function: Any) -> None:
    with pytest.raises(ConfigurationError, match="function with one argument"):
        load(function)


def test_a_function_without_arguments_that_returns_nothing_to_show_is_told_so() -> None:
    with pytest.raises(BuildError, match="takes no document and returned int, which Panel does not show"):
        build(load(lambda: 7))


def test_further_arguments_with_defaults_are_fine() -> None:
    assert texts(Live(lambda doc, text="default": doc.add_root(Div(text=text)))) == ["default"]


# Paths.


def test_a_path_that_does_not_exist_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"there is no app at .*nothing\.py"):
        load(tmp_path / "nothing.py")


def test_a_file_of_another_kind_is_a_mistake(put: Write) -> None:
    with pytest.raises(ConfigurationError, match=r"scripts end with \.py"):
        load(str(put("data.csv", "a,b")))


def test_a_directory_without_main_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"neither main.py nor main.ipynb"):
        load(tmp_path)


def test_a_recipe_is_taken_as_it_is(put: Write) -> None:
    recipe = load(put("app.py", HELLO))
    assert load(recipe) is recipe


def test_without_bokeh_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bokeh", None)
    with pytest.raises(ConfigurationError, match=r'pip install "./embedsync\[flask\]"'):
        load("app.py")


# Scripts.


def test_a_script_runs_once_for_each_session_in_a_module_of_its_own(put: Write) -> None:
    path = put(
        "app.py",
        """
        import sys
        from bokeh.io import curdoc
        from bokeh.models import Div
        assert sys.modules[__name__].__dict__ is globals()
        curdoc().add_root(Div(text=__file__))
        curdoc().add_root(Div(text=__name__))
        """,
    )
    one = Live(path)
    two = Live(one.recipe)
    assert texts(one)[0] == texts(two)[0] == str(path)
    assert texts(one)[1] != texts(two)[1]
    name = texts(one)[1]
    assert name in sys.modules
    one.document.destroy()
    assert name not in sys.modules


def test_two_sessions_of_one_script_are_built_at_the_same_time_each_with_its_own_document(put: Write) -> None:
    path = put(
        "app.py",
        """
        from bokeh.io import curdoc
        from bokeh.models import Div
        import meeting
        for _ in range(20):
            meeting.point.wait(60)
            curdoc().add_root(Div(text=curdoc().session_context.id))
        """,
    )
    put("meeting.py", "import threading\npoint = threading.Barrier(2)")
    recipe, built = load(path), {}

    def run(name: str) -> None:
        built[name] = Live(recipe, session=info(name))

    threads = [threading.Thread(target=run, args=(name,)) for name in ("one", "two")]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert {name: set(texts(live)) for name, live in built.items()} == {"one": {"one"}, "two": {"two"}}
    assert [len(texts(live)) for live in built.values()] == [20, 20]


def test_a_changed_script_is_compiled_again_for_the_next_session(put: Write) -> None:
    path = put("app.py", HELLO)
    live = Live(path)
    put("app.py", HELLO.replace("hello", "changed, and longer"))
    assert texts(live) == ["hello"]
    assert texts(Live(live.recipe)) == ["changed, and longer"]


def test_a_syntax_error_is_found_without_running(put: Write) -> None:
    recipe = load(put("myapp.py", "import os\nos.remove('x')\nif :\n"))
    with pytest.raises(ConfigurationError) as caught:
        recipe.check()
    assert str(caught.value) == "myapp.py, line 3: invalid syntax"


def test_output_functions_do_nothing_but_say_so_in_scripts(
    put: Write, caplog: pytest.LogCaptureFixture
) -> None:
    path = put(
        "app.py",
        """
        from bokeh.io import curdoc, output_file, save
        from bokeh.models import Div
        from bokeh.plotting import show
        output_file("never.html")
        div = Div(text="a")
        curdoc().add_root(div)
        show(div)
        save(div)
        """,
    )
    with caplog.at_level(logging.INFO, "embedsync.bokeh"):
        Live(path)
    assert [each.getMessage().split(":")[1].split("(")[0] for each in caplog.records] == [
        " call of output_file",
        " call of show",
        " call of save",
    ]
    assert not Path("never.html").exists()


def test_output_functions_work_as_always_elsewhere(put: Write, tmp_path: Path) -> None:
    Live(put("app.py", HELLO))
    from bokeh.io import save
    from bokeh.resources import CDN

    save(Div(text="a"), filename=tmp_path / "saved.html", resources=CDN, title="t")
    assert (tmp_path / "saved.html").exists()


def test_scripts_change_nothing_of_the_process(put: Write) -> None:
    path = put("app.py", f"import os\nos.chdir('/'){HELLO.replace('    ', '')}")
    before = Path.cwd(), list(sys.argv)
    Live(path)
    assert (Path.cwd(), sys.argv) == before


def test_a_script_may_have_arguments_and_a_folder_of_its_own(put: Write) -> None:
    path = put(
        "app.py",
        """
        import os, sys
        from bokeh.io import curdoc
        from bokeh.models import Div
        curdoc().add_root(Div(text=" ".join([os.path.basename(sys.argv[0]), *sys.argv[1:], os.getcwd()])))
        """,
    )
    before = Path.cwd(), list(sys.argv)
    live = Live(load(path, argv=["--fast", "1"], cwd=True))
    assert texts(live) == [f"app.py --fast 1 {os.path.realpath(path.parent)}"]
    assert (Path.cwd(), sys.argv) == before


@pytest.mark.skipif(sys.platform != "linux", reason="only there can threads have a folder each")
def test_scripts_in_folders_of_their_own_are_built_at_the_same_time(put: Write) -> None:
    paths = [
        put(
            f"{name}/app.py",
            """
            import os
            from bokeh.io import curdoc
            from bokeh.models import Div
            from meeting_of_folders import meet
            meet.wait(60)
            curdoc().add_root(Div(text=os.path.basename(os.getcwd())))
            """,
        )
        for name in ("one", "two")
    ]
    meeting: Any = ModuleType("meeting_of_folders")
    meeting.meet = threading.Barrier(2)
    sys.modules["meeting_of_folders"] = meeting
    before = Path.cwd()
    try:
        with ThreadPoolExecutor(2) as pool:
            lives = list(pool.map(lambda path: Live(load(path, cwd=True)), paths))
            assert set(pool.map(lambda _: Path.cwd(), range(4))) == {before}
    finally:
        del sys.modules["meeting_of_folders"]
    assert [texts(each) for each in lives] == [["one"], ["two"]]
    assert Path.cwd() == before


def test_classes_of_models_that_a_script_defines_end_with_its_session(put: Write) -> None:
    from bokeh.model import Model

    path = put(
        "app.py",
        """
        from bokeh.core.properties import Int
        from bokeh.io import curdoc
        from bokeh.model import DataModel
        class State(DataModel):
            count = Int(default=3)
        curdoc().add_root(State(count=4))
        """,
    )
    before = set(Model.model_class_reverse_map)
    one, two = Live(path), Live(path)
    assert len(set(Model.model_class_reverse_map) - before) == 2
    for live in (one, two):
        (definition,) = json.loads(live.document.snapshot().content)["defs"]
        assert definition["name"] == live.doc.roots[0].__qualified_model__
        live.document.destroy()
    assert set(Model.model_class_reverse_map) == before


def test_an_app_that_shows_nothing_is_warned_of_once(caplog: pytest.LogCaptureFixture) -> None:
    recipe = load(lambda doc: None)
    with caplog.at_level(logging.WARNING, "embedsync.bokeh"):
        for _ in range(2):
            Live(recipe)
        Live(load(lambda doc: doc.add_root(Div())))
    (record,) = [each for each in caplog.records if each.name == "embedsync.bokeh"]
    assert "add_root" in record.getMessage()


def test_an_app_with_javascript_in_its_models_is_warned_of_once(caplog: pytest.LogCaptureFixture) -> None:
    from bokeh.models import CustomJS, Slider

    def app(doc: Any) -> None:
        slider = Slider(start=0, end=1, value=0)
        slider.js_on_change("value", CustomJS(code="1"))
        doc.add_root(slider)

    with caplog.at_level(logging.WARNING, "embedsync.bokeh"):
        live = Live(app)
        Live(live.recipe)
    (record,) = [each for each in caplog.records if each.name == "embedsync.bokeh"]
    assert "CustomJS" in record.getMessage()
    assert "unsafe-eval" in record.getMessage()
    assert live.document.needs_eval() == ("CustomJS",)


# Notebooks.


def notebook(*cells: str) -> str:
    sources = [{"cell_type": "markdown", "source": ["# a title"]}]
    sources += [{"cell_type": "code", "source": dedent(each).splitlines(keepends=True)} for each in cells]  # type: ignore[misc]
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": sources})


def test_a_notebook_runs_cell_by_cell_without_what_only_ipython_knows(put: Write) -> None:
    path = put(
        "app.ipynb",
        notebook(
            "%matplotlib inline\nfrom bokeh.io import curdoc, output_notebook\nfrom bokeh.models import Div\n"
            "output_notebook()\n!ls\nDiv?",
            "%%bash\necho not run",
            "%%time\nzero = 0",
            "number = (7\n% 4)\ncurdoc().add_root(Div(text=str(number + zero)))",
        ),
    )
    assert texts(Live(path)) == ["3"]


def test_a_mistake_in_a_notebook_names_the_cell_and_the_line(put: Write) -> None:
    recipe = load(put("app.ipynb", notebook("import os", "x = 1\nif :")))
    with pytest.raises(ConfigurationError, match=r"app\.ipynb, cell 3, line 2: invalid syntax"):
        recipe.check()


def test_a_file_that_is_no_notebook_is_a_mistake(put: Write) -> None:
    for text in ("not json", "[]", '{"cells": 5}', '{"cells": [5]}'):
        with pytest.raises(ConfigurationError, match=r"app\.ipynb is no notebook"):
            load(put("app.ipynb", text)).check()


# Directories.


def test_a_directory_is_a_package_with_theme_template_and_hooks(put: Write, tmp_path: Path) -> None:
    put("app/__init__.py", "name = 'package'")
    put("app/helper.py", "from . import name")
    put("app/theme.yaml", "attrs:\n  Div:\n    width: 321\n")
    put("app/templates/index.html", "<main>{{ doc }}</main>")
    put("app/static/style.css", "")
    put(
        "app/app_hooks.py",
        """
        from .helper import name
        calls = []
        def on_server_loaded(server_context): calls.append("loaded")
        async def on_session_created(session_context): calls.append("created " + session_context.id)
        def on_session_destroyed(session_context): calls.append("destroyed " + session_context.id)
        def on_server_unloaded(server_context): print("unloaded", calls)
        def process_request(request): return {"calls": calls, "host": request.host}
        """,
    )
    put(
        "app/main.py",
        """
        from bokeh.io import curdoc
        from bokeh.models import Div
        from .helper import name
        curdoc().add_root(Div(text=name + " " + curdoc().session_context.token_payload["host"]))
        """,
    )
    modules = set(sys.modules)
    one = Live(tmp_path / "app", session=info("one", host="h:1"))
    one.recipe.check()
    two = Live(one.recipe, session=info("two", host="h:2"))
    assert [texts(one), texts(two)] == [["package h:1"], ["package h:2"]]
    assert one.doc.roots[0].width == 321  # type: ignore[attr-defined]
    assert one.doc.template.render(doc="here") == "<main>here</main>"
    assert one.recipe.static_path == tmp_path / "app" / "static"  # type: ignore[attr-defined]
    one.turn(one.document.end)
    context: Any = one.doc.session_context
    assert context.token_payload["calls"] == ["loaded", "created one", "created two", "destroyed one"]
    for live in (one, two):
        live.document.destroy()
    one.recipe.close()
    assert not {each for each in set(sys.modules) - modules if each.startswith("bokeh_app_")}


def test_a_directory_may_hold_a_notebook(put: Write, tmp_path: Path) -> None:
    put("app/main.ipynb", notebook(HELLO))
    assert texts(Live(tmp_path / "app")) == ["hello"]


def test_a_hook_that_fails_when_the_process_begins_is_tried_again(put: Write, tmp_path: Path) -> None:
    put("app/main.py", HELLO)
    put("app/server_lifecycle.py", "def on_server_loaded(server_context): raise RuntimeError('not yet')")
    recipe = load(tmp_path / "app")
    for _ in range(2):
        with pytest.raises(RuntimeError, match="not yet"):
            build(recipe)


def test_two_files_of_hooks_are_a_mistake(put: Write, tmp_path: Path) -> None:
    put("app/main.py", HELLO)
    put("app/app_hooks.py", "")
    put("app/server_lifecycle.py", "")
    with pytest.raises(ConfigurationError, match=r"only one can be used"):
        load(tmp_path / "app")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("theme.yaml", "attrs: [", "is no theme"),
        ("templates/index.html", "{% if", "is no template"),
        ("app_hooks.py", "def", "app_hooks.py, line 1"),
        ("__init__.py", "def", "__init__.py, line 1"),
    ],
)
def test_check_looks_at_every_file_of_a_directory(
    put: Write, tmp_path: Path, name: str, text: str, message: str
) -> None:
    put("app/main.py", HELLO)
    put(f"app/{name}", text)
    with pytest.raises(ConfigurationError, match=message):
        load(tmp_path / "app").check()


# Applications.


def test_an_application_runs_its_handlers_in_order() -> None:
    async def second(doc: Any) -> None:
        await asyncio.sleep(0)
        doc.add_root(Div(text="second"))

    application = Application(
        FunctionHandler(lambda doc: doc.add_root(Div(text="first"))),
        FunctionHandler(second),
    )
    live = Live(application)
    assert texts(live) == ["first", "second"]
    edited = live.edit(write(live.doc.roots[0], "text", "edited"))
    assert [each["new"] for each in events(edited.patch)] == ["edited"]


def test_hooks_of_an_application_are_awaited_and_its_end_is_told_once() -> None:
    seen: list[str] = []

    class Hooked(FunctionHandler):
        async def process_request(self, request: Any) -> dict[str, Any]:  # type: ignore[override]
            await asyncio.sleep(0)
            return {"name": "ada"}

        async def on_session_created(self, session_context: Any) -> None:
            seen.append(f"created {session_context.token_payload['name']}")

        async def on_session_destroyed(self, session_context: Any) -> None:
            seen.append("destroyed")

    def fill(doc: Any) -> None:
        doc.on_session_destroyed(lambda session_context: seen.append("document destroyed"))

    # As it is when the same application is served by Bokeh as well.
    live = Live(Application(Hooked(fill), DocumentLifecycleHandler()))
    run_steps(live.document.end())
    assert seen == ["created ada", "destroyed", "document destroyed"]


def test_an_application_may_hold_a_script(put: Write) -> None:
    path = put("app.py", HELLO)
    live = Live(Application(ScriptHandler(filename=str(path))))
    assert texts(live) == ["hello"]
    from bokeh.io import show

    assert show.__name__ == "show"


def test_a_handler_that_fails_is_an_error_of_the_build(put: Write) -> None:
    path = put("app.py", "raise RuntimeError('broken')")
    with pytest.raises(BuildError, match="broken"):
        build(load(Application(ScriptHandler(filename=str(path)))))


def test_an_application_with_a_syntax_error_is_found_without_running(put: Write) -> None:
    path = put("app.py", "if :")
    with pytest.raises(ConfigurationError, match="Invalid syntax"):
        load(Application(ScriptHandler(filename=str(path)))).check()


def test_the_files_of_all_bundles_are_there(put: Write) -> None:
    scripts = load(put("app.py", HELLO)).scripts()
    assert set(scripts) == {
        "bokeh.min.js",
        "bokeh-gl.min.js",
        "bokeh-widgets.min.js",
        "bokeh-tables.min.js",
        "bokeh-mathjax.min.js",
    }
    assert all(each.is_file() for each in scripts.values())


def test_pandas_is_imported_whole_before_any_app_can_find_half_of_it() -> None:
    code = (
        "import sys; from embedsync.documents import load; load(lambda doc: None); "
        "assert sys.modules['pandas'].Series"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
