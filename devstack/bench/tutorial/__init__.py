"""The pipeline that tutorials teach, to compare with: honest, working, and row by row.

One record a poll, `get_or_create` for each, a commit for each, a Celery task for each event in the
default pool, `produce` and `flush` for each. It charges once as long as nothing is killed.
"""

from devstack.bench.tutorial.celery import app as celery_app

__all__ = ["celery_app"]
