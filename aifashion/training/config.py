"""How a network is trained: the fields of a recipe's second half."""

from dataclasses import dataclass

OPTIMIZERS = ("adam", "adamw", "sgd")
SCHEDULES = ("constant", "step", "plateau", "cosine")
PRECISIONS = {"float32": "float32", "bfloat16": "mixed_bfloat16", "float16": "mixed_float16"}


@dataclass(frozen=True)
class Training:
    """How a network is trained. Layers are named by their paths; `*` and `?` stand for others."""

    epochs: int = 30
    batch_size: int = 8  # pictures of an update, over all devices and machines
    accumulation: int = 1  # parts that a batch is computed in, one after the other
    optimizer: str = "adam"  # "adam", "adamw", "sgd" (momentum 0.9)
    learning_rate: float = 1e-4
    schedule: str = "constant"  # "step", "plateau", "cosine": down to 0 at the last step
    warmup: float = 0.0  # epochs of linear rise from 0, under "cosine"
    milestones: tuple[int, ...] = ()  # epochs after which "step" drops the rate
    drop: float = 0.1  # what the rate is multiplied by, under "step" and "plateau"
    plateau: int = 3  # epochs without a lower validation loss after which "plateau" drops the rate
    lowest: float = 0.01  # of the first rate; "plateau" ends training rather than go below
    rates: tuple[tuple[str, float], ...] = ()  # (layers, their rate's share of the learning rate)
    freeze: tuple[str, ...] = ()  # layers that keep their weights and their moving statistics
    weight_decay: float = 0.0  # of kernels alone
    clip_norm: float | None = None  # of the gradient of all weights together
    ema: float | None = None  # decay of the moving average of the weights; evaluation uses it
    precision: str = "float32"  # "bfloat16", "float16": of the computation; weights stay float32
    jit_compile: bool = False  # by XLA, on one device
    patience: int | None = None  # epochs without a better score after which training ends
    save_minutes: float = 15.0  # between checkpoints within an epoch

    def __post_init__(self):
        _one_of("optimizer", self.optimizer, OPTIMIZERS)
        _one_of("schedule", self.schedule, SCHEDULES)
        _one_of("precision", self.precision, tuple(PRECISIONS))
        at_least = {"epochs": 0, "batch_size": 1, "accumulation": 1, "plateau": 1, "patience": 1}
        for name, least in at_least.items():
            value = getattr(self, name)
            if value is not None and value < least:
                raise ValueError(f"Training.{name} is at least {least}, not {value!r}")
        if self.accumulation > self.batch_size:
            raise ValueError(
                f"Training.accumulation is at most the batch size, {self.batch_size}, "
                f"not {self.accumulation}"
            )


def _one_of(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ValueError(f"Training.{name} is one of {', '.join(known)}, not {value!r}")
