"""Who an ASGI scope says is asking."""

from dataclasses import dataclass

import pytest

from embedsync import ConfigurationError
from embedsync.asgi.users import STRANGER, user_of_scope


@dataclass
class Someone:
    """A user of some framework."""

    is_authenticated: bool = True
    pk: object = None
    username: str = ""

    @property
    def identity(self) -> str:
        raise NotImplementedError


def test_without_a_user_it_is_a_stranger() -> None:
    assert user_of_scope({}) == STRANGER
    assert user_of_scope({"user": None}) == STRANGER


def test_a_user_who_is_not_logged_in_is_a_stranger() -> None:
    assert user_of_scope({"user": Someone(is_authenticated=False, pk=1)}) == STRANGER


def test_a_user_is_named_by_the_primary_key_or_else_by_the_user_name() -> None:
    assert user_of_scope({"user": Someone(pk=7, username="ada")}).key == "7"
    assert user_of_scope({"user": Someone(username="ada")}).key == "ada"


def test_a_user_without_any_key_is_an_error_and_never_a_stranger() -> None:
    with pytest.raises(ConfigurationError, match="user_loader"):
        user_of_scope({"user": Someone()})
