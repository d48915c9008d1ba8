"""The servers that any test may ask for: `redis_url`, `new_redis`, `postgres_url`, `postgres_server`."""

pytest_plugins = ["tests.fixtures.redis", "tests.fixtures.postgres", "tests.fixtures.databases"]
