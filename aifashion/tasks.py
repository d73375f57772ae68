"""The three questions, and what answers each: TASKS names a question's systems and functions."""

from collections.abc import Callable
from dataclasses import dataclass

from aifashion.keypoints import metrics, predict
from aifashion.keypoints.cpn import CPN
from aifashion.keypoints.cpn_2018 import CPN2018
from aifashion.keypoints.garment_cpn import GarmentCPN
from aifashion.keypoints.hrnet_pose import HRNetPose


@dataclass(frozen=True)
class Task:
    """A question: its systems, the predictor of a trained network, and the score of predictions."""

    question: str
    systems: tuple[type, ...]
    predictor: Callable
    evaluate: Callable


TASKS = {
    "keypoints": Task(
        question="where",
        systems=(CPN, GarmentCPN, CPN2018, HRNetPose),
        predictor=predict.Predictor,
        evaluate=metrics.evaluate,
    ),
}


def task_of(system) -> str:
    """The name of the task a system answers."""
    return next(name for name, task in TASKS.items() if isinstance(system, task.systems))
