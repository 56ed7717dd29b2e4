"""Django admin, in the processes that show it: a relay or a worker has no need of its forms."""

from typing import Any

from django.contrib.admin.apps import SimpleAdminConfig
from django.contrib.admin.checks import check_admin_app, check_dependencies
from django.core import checks


class AdminPagesConfig(SimpleAdminConfig):
    """Installs Django admin without the admin pages of every app, which `load` imports."""

    def ready(self) -> None:
        """Register Django's checks of the pages, which load them first."""
        checks.register(check_dependencies, checks.Tags.admin)
        checks.register(_check_pages, checks.Tags.admin)


def load() -> None:
    """Import the admin pages of every app. A project's `urls` does, and so each web server."""
    import django_stubs_ext  # noqa: PLC0415 - as much as it patches: forms, views, the admin
    from django.contrib import admin  # noqa: PLC0415 - its sites need Django's apps

    django_stubs_ext.monkeypatch()  # so that ModelAdmin[Payment] can be written at run time
    admin.autodiscover()


def _check_pages(**options: Any) -> list[checks.CheckMessage]:
    load()
    return list(check_admin_app(**options))
