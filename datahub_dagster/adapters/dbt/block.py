"""A map of keys in a team's YAML, all of which are known."""

from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic.fields import FieldInfo


class Block(BaseModel):
    """A map in which every key is known."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @classmethod
    def keys(cls) -> dict[str, FieldInfo]:
        """Its keys as they are written; `from` can't be the name of a field."""
        return {field.alias or name: field for name, field in cls.model_fields.items()}

    @model_validator(mode="before")
    @classmethod
    def _with_on_as_a_word(cls, block: Any) -> Any:
        """YAML 1.1 reads the key `on` as true."""
        if not isinstance(block, dict) or "on" not in cls.model_fields:
            return block
        return {"on" if key is True else key: value for key, value in block.items()}
