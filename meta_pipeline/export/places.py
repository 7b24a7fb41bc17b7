"""Where destinations are, by dlt's configuration: of credentials, only what is no secret."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import dlt
from dlt.common.destination import AnyDestination, Destination
from dlt.dataset.utils import get_destination_client_initial_config

from meta_pipeline.export.naming import Address
from meta_pipeline_capture.redaction import redact_location

# What each part of an address is called in dlt's configuration and credentials. Nothing else of them is looked at.
_FIELDS: Mapping[str, tuple[str, ...]] = {
    "host": ("host", "server_hostname"),
    "database": ("project_id", "database", "catalog", "aws_data_catalog"),
    "bucket_url": ("bucket_url",),
    "account": ("azure_storage_account_name",),
    "region": ("region_name",),
}


def address_of(name: str, destination_type: str, database: str | None = None) -> Address:
    """Returns where a destination is.

    Args:
        name: Name of the dlt destination.
        destination_type: dlt's type of it.
        database: Its database, as it was collected.

    Returns:
        The address; only name and type where the configuration does not tell more.
    """
    unknown = Address(name, destination_type, database=database)
    if not _is_configured(name):
        return unknown
    try:
        config = _configuration(name)
    except Exception:
        # Such an error may quote the credentials; that the address is not known is told by the name of the place.
        return unknown
    sources = [config, getattr(config, "credentials", None)]
    found: dict[str, Any] = {field: _first(sources, names) for field, names in _FIELDS.items()}
    found["database"] = found["database"] or database
    if found["bucket_url"]:
        found["bucket_url"] = redact_location(found["bucket_url"])
    port, driver = getattr(sources[1], "port", None), _first(sources, ("drivername",))
    return Address(
        name,
        destination_type,
        **found,
        port=port if isinstance(port, int) else None,
        backend=driver.split("+")[0] if driver else None,
    )


def _is_configured(name: str) -> bool:
    """Tells whether dlt knows a destination: it would import and run any module of the name of one that it does not."""
    configured: Any = dlt.config.get(f"destination.{name}.destination_type")
    return bool(configured) or isinstance(getattr(dlt.destinations, name, None), type)


def _configuration(name: str) -> Any:
    destination = cast(AnyDestination, Destination.from_reference(name))
    initial = get_destination_client_initial_config(destination, dataset_name="meta_pipeline")
    return destination.configuration(initial, accept_partial=True)


def _first(sources: list[Any], names: tuple[str, ...]) -> str | None:
    values = (getattr(source, name, None) for name in names for source in sources)
    return next((value for value in values if isinstance(value, str) and value), None)
