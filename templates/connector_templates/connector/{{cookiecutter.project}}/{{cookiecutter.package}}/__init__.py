"""The {{ cookiecutter.name }} connector."""

from {{ cookiecutter.package }}.connector import {{ cookiecutter.class_name }}Connector

__all__ = ["{{ cookiecutter.class_name }}Connector"]
