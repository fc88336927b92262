"""Makes the database servers of tests/servers known to every test of the repository, wherever it lies."""

pytest_plugins = ["tests.servers.fixtures"]
