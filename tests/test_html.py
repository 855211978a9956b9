from embedsync.errors import UnknownApp
from embedsync.html import embed_element, missing_app, module_script

HOSTILE = '"><script>alert(1)</script>'


def test_an_element_has_only_the_attributes_that_are_given() -> None:
    element = embed_element(app="sliders", ticket="t", endpoint="/live", height="4em")
    assert element == '<embed-app app="sliders" ticket="t" endpoint="/live" height="4em"></embed-app>'


def test_nothing_that_is_given_becomes_markup() -> None:
    element = embed_element(
        app=HOSTILE, ticket=HOSTILE, endpoint=HOSTILE, root=HOSTILE, height=HOSTILE, class_=HOSTILE
    )
    assert "<script>" not in element
    assert "<script>alert" not in module_script(HOSTILE, modules=[HOSTILE], nonce=HOSTILE)
    assert "<script>" not in missing_app(UnknownApp(HOSTILE, [HOSTILE]), debug=True)


def test_modules_are_fetched_at_once_and_carry_the_nonce() -> None:
    preload = '<link rel="modulepreload" href="/b.js" nonce="n">'
    script = '<script type="module" src="/a.js" nonce="n"></script>'
    assert module_script("/a.js", modules=["/b.js"], nonce="n") == preload + script


def test_a_missing_app_is_visible_in_debug_mode_only() -> None:
    error = UnknownApp("nothing", ["sliders"])
    assert "sliders" in missing_app(error, debug=True)
    assert missing_app(error, debug=False) == "<!-- embedsync: unknown app -->"
