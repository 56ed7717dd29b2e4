"""Django's PostgreSQL backend with a cheaper check of connections: `ENGINE` names this package."""
