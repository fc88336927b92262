"""What `connector_sdk` offers at its top is one sorted list, and everything public that is importable there is in it."""

import connector_sdk


def test_the_public_names_are_sorted_and_each_stands_once() -> None:
    assert list(connector_sdk.__all__) == sorted(set(connector_sdk.__all__))


def test_every_public_name_is_there() -> None:
    assert [name for name in connector_sdk.__all__ if not hasattr(connector_sdk, name)] == []


def test_nothing_else_of_ours_is_public() -> None:
    for name in connector_sdk.__all__:
        getattr(connector_sdk, name)
    ours = {
        name
        for name, value in vars(connector_sdk).items()
        if not name.startswith("_") and str(getattr(value, "__module__", "")).startswith("connector_sdk")
    }
    assert ours <= set(connector_sdk.__all__)


def test_every_public_name_says_what_it_is() -> None:
    undocumented = [
        name
        for name in connector_sdk.__all__
        if callable(value := getattr(connector_sdk, name)) and not (value.__doc__ or "").strip()
    ]
    assert undocumented == []


def test_star_import_brings_exactly_the_list() -> None:
    names: dict[str, object] = {}
    exec("from connector_sdk import *", names)
    names.pop("__builtins__")
    assert sorted(names) == sorted(connector_sdk.__all__)
