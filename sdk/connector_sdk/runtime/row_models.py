"""From rows as dicts to instances of a model: generated Structs, pydantic models, dataclasses, or the user's own."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from connector_sdk.errors import DataError

__all__ = ["own_names", "row_maker"]


def own_names(model: type[Any] | None) -> set[str]:
    """The fields of `model` of which it says itself what their columns are called."""
    import msgspec
    from pydantic import BaseModel

    if isinstance(model, type) and issubclass(model, BaseModel):
        return {name for name, field in model.model_fields.items() if field.alias or field.validation_alias}
    if isinstance(model, type) and issubclass(model, msgspec.Struct):
        return {field.name for field in msgspec.structs.fields(model) if field.encode_name != field.name}
    return set()


def row_maker(model: type[Any] | None) -> Callable[[list[dict[str, Any]]], Iterable[Any]]:
    """A function that turns rows as dicts into instances of `model`; None: it leaves them dicts.

    It raises DataError naming row and field when a row does not fit the model.
    """
    if model is None:
        return lambda rows: rows
    from pydantic import BaseModel, TypeAdapter, ValidationError

    if isinstance(model, type) and issubclass(model, BaseModel):
        adapter = TypeAdapter(list[model])  # type: ignore[valid-type]

        def through_pydantic(rows: list[dict[str, Any]]) -> Iterable[Any]:
            try:
                return adapter.validate_python(rows)
            except ValidationError as error:
                first = error.errors()[0]
                raise DataError(f"a row does not fit {model.__name__}: {first['loc']}: {first['msg']}") from None

        return through_pydantic
    import msgspec

    def through_msgspec(rows: list[dict[str, Any]]) -> Iterable[Any]:
        try:
            result: list[Any] = msgspec.convert(rows, list[model])  # type: ignore[valid-type]
        except msgspec.ValidationError as error:
            raise DataError(f"a row does not fit {model.__name__}: {error}") from None
        return result

    return through_msgspec
