"""The file that says what is written where: one for each CRM is shipped, any can be copied and edited."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from features.errors import LeadOddsError
from serving.writeback.values import VALUES, ScoreValue

Crm = Literal["hubspot", "salesforce", "dynamics", "odoo"]

# Odoo computes these itself, and its reports rest on them.
_ODOO_OWN: Final = ("probability", "automated_probability", "is_automated_probability")
_Object = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=100)]
_Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$", max_length=100)]


class TargetMapError(LeadOddsError):
    """A map for `leadodds sync` that cannot be used."""

    def __init__(self, name: str, *, faults: list[str]) -> None:
        super().__init__(f"The map {name} cannot be used: {'; '.join(faults)}.")


class TargetMap(BaseModel):
    """What is written to which object of a CRM.

    Attributes:
        crm: which of the four.
        url: of the CRM's API; Salesforce's My Domain, the environment of Dynamics, the server of Odoo.
        name: tells two targets of one CRM and URL apart.
        version: of the API.
        object: that a lead is there.
        set_name: of that object in the URLs of Dynamics.
        id_field: the field that holds our lead's id; absent: the id of the record itself.
        tenant: of Dynamics' sign-in.
        sign_in_url: of Dynamics' sign-in.
        database: of Odoo.
        user: of Odoo up to 18.
        protocol: of Odoo: JSON-2 from 19 on, XML-RPC before.
        page: address of LeadOdds' own page, for `link`.
        text_length: longer texts are cut.
        requests_per_second: never more calls than that.
        fields: names of values of a score (`VALUES`) by the fields that they are written to.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    crm: Crm
    url: str = ""
    name: str = ""
    version: str = ""
    object: _Object
    set_name: str = ""
    id_field: _Name | None = None
    tenant: str = ""
    sign_in_url: str = "https://login.microsoftonline.com"
    database: str = ""
    user: str = ""
    protocol: Literal["json-2", "xml-rpc"] = "json-2"
    page: str = ""
    text_length: int = Field(default=255, ge=20)
    requests_per_second: float = Field(default=5.0, gt=0)
    fields: dict[_Name, str] = Field(min_length=1)

    @model_validator(mode="after")
    def _check(self) -> TargetMap:
        for own, value in self.fields.items():
            if value not in VALUES:
                raise ValueError(f"fields.{own} is {value!r}; a score has {', '.join(VALUES)}")
            if self.crm == "odoo" and own in _ODOO_OWN:
                raise ValueError(f"fields.{own} is Odoo's own prediction; write to a field of yours")
        if "link" in self.fields.values() and not self.page:
            raise ValueError("a link needs `page`, the address of LeadOdds' own page")
        if self.id_field in self.fields:
            raise ValueError(f"{self.id_field} is the id_field, so nothing else is written to it")
        return self

    @property
    def target(self) -> str:
        """Names what was written before: another name begins anew."""
        return " ".join(filter(None, (self.crm, self.url, self.object, self.name)))

    @property
    def values(self) -> dict[str, ScoreValue]:
        """The values of a score by the fields of the CRM."""
        return {own: VALUES[value] for own, value in self.fields.items()}


def read_target_map(crm: str, path: Path | None, *, url: str | None = None) -> TargetMap:
    """Reads a map. What it leaves out is as in the shipped one; its fields replace all of the shipped ones.

    Args:
        crm: that it has to be for.
        path: of a TOML file; None is the shipped map alone.
        url: stands in for the one of the map.

    Raises:
        TargetMapError: there is no such file, it is not TOML, or a key or value is not as it should be.
    """
    name = crm if path is None else str(path)
    try:
        own = {} if path is None else tomllib.loads(path.read_text("utf-8-sig"))
        given = {"url": url} if url else {}
        found = TargetMap.model_validate({**tomllib.loads(shipped_text(crm)), **own, **given})
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise TargetMapError(name, faults=[str(error)]) from None
    except ValidationError as error:
        raise TargetMapError(name, faults=[_worded(fault) for fault in error.errors()]) from None
    if found.crm != crm:
        raise TargetMapError(name, faults=[f"it is for {found.crm}, not for {crm}"])
    if not found.url:
        raise TargetMapError(name, faults=["it has no url: write one into a copy of the map, or give --url"])
    return found


def shipped_text(crm: str) -> str:
    """Gives the shipped map of a CRM."""
    return (files("serving.writeback") / "maps" / f"{crm}.toml").read_text("utf-8")


def _worded(fault: Any) -> str:
    place = ".".join(map(str, fault["loc"]))
    told = str(fault["msg"]).removeprefix("Value error, ")
    return f"{place}: {told}" if place else told
