"""Goldens are looked at, not run: the tests of a generated package are run where it is installed."""

collect_ignore_glob = ["*"]
