"""Two people who can log in, and what each of them may do."""

from dataclasses import dataclass

from django.contrib.auth.models import Permission, User


@dataclass(frozen=True)
class Person:
    """Someone with an account."""

    login: str
    first_name: str
    last_name: str
    password: str
    is_staff: bool


PEOPLE = (
    Person("ada", "Ada", "Lovelace", "engine", is_staff=True),
    Person("grace", "Grace", "Hopper", "compiler", is_staff=False),
)


def add_people() -> None:
    """Add those who are not in the database yet.

    All of them may change tanks. Staff may also add and delete them, in the admin.
    """
    for person in PEOPLE:
        if User.objects.filter(username=person.login).exists():
            continue
        user = User.objects.create_user(
            person.login,
            password=person.password,
            first_name=person.first_name,
            last_name=person.last_name,
            is_staff=person.is_staff,
        )
        allowed = Permission.objects.filter(content_type__app_label="cellar")
        if not person.is_staff:
            allowed = allowed.filter(codename="change_tank")
        user.user_permissions.set(allowed)
