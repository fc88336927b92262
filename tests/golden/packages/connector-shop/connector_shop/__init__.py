"""The shop connector."""

from connector_shop.connector import ShopConnector

__all__ = ["ShopConnector"]
