"""Make the demo's users."""

import json
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from rest_framework.authtoken.models import Token

ADMIN = "admin"


class Command(BaseCommand):
    """`manage.py seed_demo`: safe to repeat; a service with more to make extends it."""

    help = "Make a superuser admin / admin with an API token, and print the tokens as JSON."

    @transaction.atomic
    def handle(self, *_args: Any, **_options: Any) -> None:
        """Make the users and print their tokens."""
        if not settings.DEBUG:
            raise CommandError("The demo's passwords are public: this runs with DJANGO_DEBUG=1.")
        tokens = {user.get_username(): self.token_of(user) for user in self.make_users()}
        self.stdout.write(json.dumps({"tokens": tokens}))

    def make_users(self) -> list[Any]:
        """Make the users that have tokens."""
        return [self.make_user(ADMIN, is_staff=True, is_superuser=True)]

    def make_user(self, name: str, **fields: Any) -> Any:
        """Make a user whose password is the name, unless there is one."""
        user, created = get_user_model().objects.get_or_create(username=name, defaults=fields)
        if created:
            user.set_password(name)
            user.save()
        return user

    def token_of(self, user: Any) -> str:
        """Return the user's API token."""
        return str(Token.objects.get_or_create(user=user)[0].key)
