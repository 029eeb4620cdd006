"""How a recipe says what writes the weights of a network."""

from typing import Any, Literal

from pydantic import Field

from .. import tables


class WrittenTable(tables.System):
    """[system] whose arrays of weights may be pulsed devices; then they hold what the devices hold, and move as they move."""

    # by the optimiser; or by pulses, at once, through a fast array (Tiki-Taka), or from memory
    writer: Literal["ideal", "pulsed", "tiki-taka-v1", "tiki-taka-v2", "tiki-taka-chopped", "tiki-taka-dynamic", "mixed-precision"] = "ideal"
    pulsed_device: str = "gokmen-vlasov"  # a name in pnnkern.crossbar.PULSED_DEVICES
    pulses: int = Field(31, ge=1, le=31)  # the longest train
    transfer_every: tables.Count = 1  # samples between two transfers
    transfer_lines: tables.Count = 1  # inputs of the fast array that are read at a transfer
    transfer_lr: float = Field(0.1, gt=0)  # how much of what is read is transferred, per unit of the learning rate

    def ideal(self) -> tables.System:
        return self.model_copy(update={"writer": "ideal"})

    def give_writers(self, network: Any, names: list[str], key: Any) -> None:
        """Let devices made from `key` hold the weights called `names`. Raises ValueError for weights that are not float32."""
        if self.writer == "ideal":
            return
        if network.dtype != "float32":
            raise ValueError("pulsed devices hold float32 weights: set compute.dtype=float32")
        writer = self._writer(key)
        for name in names:
            writer.start(name, network.parameters[name], network.memory)
            network.writers[name] = writer

    def _writer(self, key: Any) -> Any:
        from ... import random
        from ...crossbar import MixedPrecision, TikiTaka
        from ...systems import writers

        key = random.fold_in(key, "pulsed")
        if self.writer == "pulsed":
            return writers.Pulsed(self.pulsed_device, key, self.pulses)
        if self.writer == "mixed-precision":
            return writers.Transferred(MixedPrecision(self.pulsed_device, self.transfer_every, pulses=self.pulses), key)
        rule = TikiTaka(
            self.writer.removeprefix("tiki-taka-"), fast=self.pulsed_device, slow=self.pulsed_device, transfer_every=self.transfer_every,
            lines=self.transfer_lines, transfer_lr=self.transfer_lr, pulses=self.pulses,
        )  # fmt: skip
        return writers.Transferred(rule, key)
