"""The base of what clients send: an object whose members are known, and in which null is as good as no member."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator


class FieldRuleError(ValueError):
    """A rule that is found broken beside the field at fault: `field` is a member of the value that was validated."""

    def __init__(self, field: str, rule: str) -> None:
        super().__init__(rule)
        self.field = field


class StrictModel(BaseModel):
    """An object as a client sent it. Fields are validated in their order, and the later ones see the earlier."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, fields: Any) -> Any:
        """Take null for an optional field as not given: clients with types of their own send it."""
        if not isinstance(fields, Mapping):
            return fields  # refused for what it is
        if None not in fields.values():
            return dict(fields)
        optional = (name for name, field in cls.model_fields.items() if not field.is_required())
        nulls = {name for name in optional if fields.get(name, "") is None}
        return {name: value for name, value in fields.items() if name not in nulls}
