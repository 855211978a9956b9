import pytest


def pytest_configure(config: pytest.Config) -> None:
    # Panel does that, with the newest release of pandas.
    config.addinivalue_line("filterwarnings", "ignore:The inplace keyword in DataFrame")
