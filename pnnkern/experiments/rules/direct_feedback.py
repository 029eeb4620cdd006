"""`kind = "direct-feedback"`: the error reaches every layer through a fixed random matrix."""

from typing import Any, Literal

from .. import registry, tables


@registry.rule("direct-feedback")
class DirectFeedbackTable(tables.Supervised):
    """[rule] of direct feedback alignment."""

    kind: Literal["direct-feedback"] = "direct-feedback"

    @classmethod
    def made(cls) -> type:
        from ...learning import DirectFeedback

        return DirectFeedback

    def build(self, system: tables.System, key: Any) -> Any:
        return self.made()(self.loss_on(system), key)
