"""One optimizer for all members of a population, each with its own learning rate and weight decay."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from eksplora.scheduler import Schedule
from eksplora.training.stack import Stack

Build = Callable[[Iterable[nn.Parameter]], Optimizer]

ELEMENTWISE = (
    torch.optim.SGD,
    torch.optim.Adam,
    torch.optim.AdamW,
    torch.optim.NAdam,
    torch.optim.RAdam,
    torch.optim.Adamax,
    torch.optim.Adagrad,
    torch.optim.Adadelta,
    torch.optim.RMSprop,
)
"""Optimizers whose step of an element depends on that element alone and is proportional to the rate.

ASGD, Rprop (the rate is not a factor), LBFGS, Muon and Adafactor (elements depend on each other) are not among them.
"""


@dataclass(frozen=True, eq=False)
class RateSchedule:
    """A member's learning-rate schedule over its training.

    Attributes:
        schedule: (step, steps in all, history) -> factor of the rate.
        total: Optimizer steps in all.
        history: Gives the objective after each finished epoch so far, such that smaller is better.
    """

    schedule: Schedule
    total: int
    history: Callable[[], Sequence[float]]

    def factors(self, steps: range) -> list[float]:
        """The factors of the steps to come; no epoch ends before the last of them is done."""
        history = self.history() if self.schedule.reads_history else ()
        return [self.schedule(step, self.total, history) for step in steps]

    def is_as(self, other: "RateSchedule") -> bool:
        """Whether two members' factors are alike, whatever happens."""
        if self is other:
            return True
        return (self.schedule, self.total) == (other.schedule, other.total) and not self.schedule.reads_history


def refusal(optimizer: Optimizer) -> str | None:
    """Reason for which members cannot share this optimizer; None when they can.

    A class of a user's own says `elementwise = True` in its own body, where that is true of it.
    """
    if type(optimizer) in ELEMENTWISE or vars(type(optimizer)).get("elementwise", False):
        return None
    return (
        f"{type(optimizer).__name__} is not known to step each weight by itself and in proportion to the rate (a class "
        "of your own says so: elementwise = True)"
    )


class Stepper:
    """Takes the steps of all members.

    Where rates, decays and schedules are equal, the optimizer steps the weights themselves. Otherwise it steps, at rate
    1 and without decay, a matrix of zeros: what comes out is each member's change over its rate, which is then scaled.
    An optimizer that is not element-wise gets the parameters in their own shapes; it serves one member.

    Attributes:
        optimizer: The one that holds the state.
        is_shared: Whether it steps the weights themselves.
        can_be_captured: Whether its steps may be part of a CUDA graph.
    """

    def __init__(self, stack: Stack, builds: Sequence[Build], schedules: Sequence[RateSchedule]) -> None:
        """One entry of `builds` and `schedules` per member.

        On a GPU rates are always numbers on the device, which a captured step reads anew at every replay.
        """
        # A trial optimizer per member, only to read its class, rate and decay.
        own = [build([nn.Parameter(torch.zeros(1, 1, device=stack.parameter.device))]) for build in builds]
        groups = [optimizer.param_groups[0] for optimizer in own]
        self._stack, self._schedules = stack, list(schedules)
        self._rates = [float(group["lr"]) for group in groups]
        self._decays = stack.parameter.new_tensor([float(group.get("weight_decay", 0.0)) for group in groups])[:, None]
        numbers = [(group["lr"], group.get("weight_decay")) for group in groups]
        on_gpu = stack.parameter.device.type == "cuda" and refusal(own[0]) is None
        self.is_shared = (
            not on_gpu
            and all(own == numbers[0] for own in numbers)
            and all(schedule.is_as(schedules[0]) for schedule in schedules)
        )
        self._is_decoupled = isinstance(own[0], torch.optim.AdamW) or groups[0].get("decoupled_weight_decay", False)
        self.can_be_captured = False
        # Element-wise: the matrix is one tensor to it, stepped in one call instead of one per layer.
        if self.is_shared:
            self.optimizer = builds[0]([stack.parameter] if refusal(own[0]) is None else stack.parts)
            return
        # Different rates: a step at rate 1 on zeros leaves the change over the rate, (members, parameters).
        self._change = nn.Parameter(torch.zeros_like(stack.parameter))
        self._change.grad = stack.gradient
        self._rate = torch.zeros_like(self._decays)
        self.optimizer = builds[0]([self._change])
        group = self.optimizer.param_groups[0]
        # Rates and decays are applied by `step`, each member's own.
        group.update(lr=1.0, weight_decay=0.0)
        self.can_be_captured = on_gpu and ("capturable" in group or type(self.optimizer) is torch.optim.SGD)
        if self.can_be_captured and "capturable" in group:
            group["capturable"] = True

    def plan(self, steps: range) -> None:
        """Compute the learning rates of the steps to come (counted from 0 over all epochs)."""
        self._first = steps.start
        if self.is_shared:
            self._plan: Sequence[Any] = [self._rates[0] * factor for factor in self._schedules[0].factors(steps)]
            return
        pairs = zip(self._rates, self._schedules, strict=True)
        rates = torch.tensor([[rate * factor for factor in schedule.factors(steps)] for rate, schedule in pairs])
        # (steps, members, 1): one transfer for all steps of a chunk.
        self._plan = rates.T.to(self._change.device, self._change.dtype)[:, :, None].unbind()

    def set_rates(self, step: int) -> None:
        """Set the learning rates of one of the planned steps."""
        rate = self._plan[step - self._first]
        if not self.is_shared:
            self._rate.copy_(rate)
            return
        for group in self.optimizer.param_groups:
            group["lr"] = rate

    @torch.no_grad()
    def step(self) -> None:
        """Change the weights by the gradients that the stack holds."""
        if self.is_shared:
            self.optimizer.step()
            return
        weights = self._stack.parameter.data
        if self._is_decoupled:
            # Decoupled decay (Loshchilov and Hutter, ICLR 2019): w <- (1 - rate * decay) * w, before the step.
            weights.mul_(1 - self._rate * self._decays)
        else:
            # L2 in the gradient, as torch's optimizers without decoupling have it: g <- g + decay * w.
            self._stack.gradient.addcmul_(weights, self._decays)
        self._change.zero_()
        self.optimizer.step()
        weights.addcmul_(self._change, self._rate)

    def select(self, indices: Tensor) -> None:
        """Go on with the members with these indices; the stack has let go of the others."""
        kept = indices.tolist()
        self._rates = [self._rates[index] for index in kept]
        self._schedules = [self._schedules[index] for index in kept]
        self._decays = self._decays[indices]
        if not self.is_shared:
            self._change.data = torch.zeros_like(self._stack.parameter)
            self._change.grad = self._stack.gradient
            self._rate = torch.zeros_like(self._decays)
        for state in self.optimizer.state.values():
            for name, value in state.items():
                # State of an element is (members, parameters); a step counter has no members and stays.
                if isinstance(value, Tensor) and value.dim() == 2:
                    state[name] = value[indices]
