"""The {{ cookiecutter.name }} connector."""

from {{ cookiecutter.package }}.connector import {{ cookiecutter.class_name }}Connector, connect

__all__ = ["{{ cookiecutter.class_name }}Connector", "connect"]
