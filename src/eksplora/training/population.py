"""The arithmetic of a population: many steps of many members, and nothing of devices' strategies, epochs or drivers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor
from torch.func import functional_call

from eksplora.counter import derive
from eksplora.draw import mix64
from eksplora.model.dropout import Dropout
from eksplora.model.foreign import seed_step
from eksplora.model.members import unaware
from eksplora.training.batches import BatchGroup, Chunk, EvaluationBatch, Step
from eksplora.training.graph import StepGraph
from eksplora.training.held import HeldRows
from eksplora.training.losses import MemberLosses
from eksplora.training.mapped import Mapped, joined
from eksplora.training.member import MemberState
from eksplora.training.observer import Observer, Recorder, StepView
from eksplora.training.restrictions import Restrictions
from eksplora.training.stack import Stack
from eksplora.training.stepper import Stepper


@dataclass(frozen=True)
class Trace:
    """Losses and outputs of a chunk of steps.

    Attributes:
        losses: Mean loss of each batch, (steps, members), float64, summed over devices.
        sizes: Rows of each batch, (steps, members).
        outputs: Per member, this device's outputs in the order of its rows, (rows, num_outputs).
        targets: Per member, the targets of these rows.
        weights: Per member, what these rows count; None: all alike.
    """

    losses: Tensor
    sizes: Tensor
    outputs: list[Tensor]
    targets: list[Tensor]
    weights: list[Tensor] | None = None


class Population:
    """The members that train together.

    Attributes:
        members: Those that still train, in the order of the stack.
        network: Their stacked network; of a single member, its plain network.
        stack: Its parameters and gradients; there once `place` was called.
        stepper: Its optimizer; likewise.
    """

    def __init__(self, members: Sequence[MemberState], observers: Sequence[Observer] = ()) -> None:
        """Build the networks with the members' initial weights; `observers` are shown every step."""
        self.members = list(members)
        self.network = joined([member.network() for member in members])
        self._is_stacked = len(members) > 1
        self._observers, self._number = tuple(observers), 0
        self._recorder = Recorder(self.network) if observers else None
        self._draws = not self._is_stacked and bool(unaware(self.network))
        self._dropouts = [module for module in self.network.modules() if isinstance(module, Dropout)]

    def place(self, device: torch.device, rank: int, devices: int) -> None:
        """Take the network's parameters and the data to where the training is; called when the network is there.

        Args:
            device: Holds the network.
            rank: Number of this device among those that share the training.
            devices: How many share it; each takes its slice of every batch.
        """
        self.device, self._rank, self._devices = device, rank, devices
        members = self.members
        self.stack = Stack(self.network, len(members))
        self.stepper = Stepper(
            self.stack, [member.recipe.optimizer for member in members], [member.rate_schedule() for member in members]
        )
        weights = [member.class_weights() for member in members]
        self._losses = MemberLosses(
            [member.recipe.loss for member in members],
            _stacked_or_none(weights, device),
            has_weights=members[0].fold.weights is not None,
        )
        self._restrictions = Restrictions(members, self.stack)
        self._augmentation = members[0].recipe.augmentation
        self._hold_keys()
        changes_in_graph = self._augmentation is None or self._augmentation.can_be_captured
        changes_in_graph = changes_in_graph and not isinstance(self.network, Mapped)
        is_captured = self.stepper.can_be_captured and changes_in_graph and devices == 1 and not self._observers
        self._graph = StepGraph(self._whole_update) if is_captured else None
        self._rows = HeldRows(members, device)

    def _hold_keys(self) -> None:
        """The members' keys of every kind of draw, (kinds, members): of each dropout layer, then of augmentation."""
        names: list[tuple[int | str, ...]] = [("dropout", layer) for layer in range(len(self._dropouts))]
        if self._augmentation is not None:
            names.append(("augmentation",))
        # (kinds, members); the key of a step is mixed from these and the step's number.
        keys = [[derive(member.identity.seed, *name) for member in self.members] for name in names]
        self._keys = torch.tensor(keys, dtype=torch.int64, device=self.device).reshape(-1, len(self.members))
        self._augmentation_key = torch.zeros(len(self.members), dtype=torch.int64, device=self.device)
        for layer in self._dropouts:
            layer.first, layer.every = self._rank, self._devices

    def select(self, indices: Sequence[int]) -> None:
        """Go on with the members with these indices; the others cost nothing any more."""
        self.members = [self.members[index] for index in indices]
        chosen = torch.tensor(list(indices), device=self.device)
        self.stack.select(chosen)
        self.stepper.select(chosen)
        self._keys, self._augmentation_key = self._keys[:, chosen], self._augmentation_key[chosen]
        self._restrictions.select(chosen)
        self._rows.select(chosen)
        self._losses.select(indices)
        self._graph = None if self._graph is None else StepGraph(self._whole_update)

    # --- training ------------------------------------------------------------------------------------------------

    def train(self, steps: Sequence[Step], first: int) -> Trace:
        """Take optimizer steps, the first of which has the number `first` (from 0 over all epochs)."""
        self.network.train()
        numbers = range(first, first + len(steps))
        self.stepper.plan(numbers)
        taken = []
        for number, groups, keys in zip(numbers, steps, self._step_keys(numbers), strict=True):
            self._number = number
            self.stepper.set_rates(number)
            if self._draws:
                seed_step(derive(self.members[0].identity.seed, "network", number, self._rank), self.device)
            for layer, key in zip(self._dropouts, keys, strict=False):
                # Into the same tensor: a captured graph reads its address.
                layer.key.copy_(key if self._is_stacked else key[0])
            if self._augmentation is not None:
                self._augmentation_key.copy_(keys[-1])
            taken.append(self._step(groups))
        losses = torch.stack([losses for losses, _ in taken]).double()
        if self._devices > 1:
            dist.all_reduce(losses)
        # (steps, members)
        sizes = torch.tensor([[group.rows.shape[1] for group in step for _ in group.rows] for step in steps])
        return Trace(losses, sizes, *_by_member(steps, [seen for _, seen in taken]), self._weights_of(steps))

    def _weights_of(self, steps: Sequence[Step]) -> list[Tensor] | None:
        """Per member, what this device's rows of a chunk count, in their order; None: all alike."""
        seen: list[list[tuple[Tensor, Tensor]]] = []
        for step in steps if self._rows.has_weights else ():
            rows = [group.rows[:, self._rank :: self._devices].to(self.device) for group in step]
            found = [self._rows.weights(own, group.members) for group, own in zip(step, rows, strict=True)]
            seen.append([(own, own) for own in found if own is not None])
        return _by_member(steps, seen)[0] if seen else None

    def _step_keys(self, numbers: range) -> list[list[Tensor]]:
        """The key of every step's draws, by step and kind, each (members,): a function of seed and step."""
        if not len(self._keys):
            return [[] for _ in numbers]
        steps = torch.arange(numbers.start, numbers.stop, device=self.device)
        keys = mix64(self._keys[None] + mix64(steps)[:, None, None])
        return [list(step.unbind()) for step in keys.unbind()]

    def _step(self, groups: Step) -> tuple[Tensor, list[tuple[Tensor, Tensor]]]:
        """One optimizer step.

        Returns:
            Each member's mean loss, this device's part of it, (members,); and per group outputs and targets.
        """
        # Every device takes each n-th row, so that shares differ by one row at most.
        own = [group.rows[:, self._rank :: self._devices].to(self.device) for group in groups]
        if self._graph is not None and len(groups) == 1:
            losses, output, target = self._graph(own[0])
            return losses, [(output, target)]
        return self._update(groups, own)

    def _whole_update(self, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The step of a single group, as a CUDA graph captures it."""
        losses, seen = self._update((BatchGroup(slice(0, len(rows)), rows),), [rows])
        return losses, *seen[0]

    def _update(self, groups: Step, own: Sequence[Tensor]) -> tuple[Tensor, list[tuple[Tensor, Tensor]]]:
        """One forward and backward pass over this device's rows of each group, and one update; returns as `_step`."""
        losses, seen, shown = [], [], []
        for group, rows in zip(groups, own, strict=True):
            members = None if len(groups) == 1 else group.members
            features, share = self._augmented(self._rows.features(rows, members), members)
            output, target = self._network(features, members), self._rows.targets[rows]
            if self._recorder is not None:
                shown.append((group.members, self._recorder.take()))
            seen.append((self._rows.in_unit(output.detach(), members), target))
            wanted = self._rows.for_loss(target, members)
            losses.append(self._group_losses(group, rows, output, wanted, share, self._rows.weights(rows, members)))
        # (members,); the gradient of the sum is each member's own, as they share no parameter.
        loss = losses[0] if len(losses) == 1 else torch.cat(losses)
        self.stack.differentiate(loss, is_whole=len(groups) == 1)
        if self._devices > 1:
            # Losses are shares of the whole batch's mean, so gradients add up to that of the whole batch.
            dist.all_reduce(self.stack.gradient)
        if self._observers:
            self._show(loss.detach(), shown)
        # Penalties and clipping see the whole gradient, as with one device.
        self._restrictions.change_gradient()
        self.stepper.step()
        self._restrictions.change_weights()
        if torch.is_autocast_enabled(self.device.type):
            torch.clear_autocast_cache()  # it holds the weights of before the step
        return loss.detach(), seen

    def _show(self, losses: Tensor, shown: Sequence[tuple[slice, Mapping[str, Tensor]]]) -> None:
        keys = [(member.trial, member.identity.index) for member in self.members]
        view = StepView(self._number, keys, losses, self.network, shown, self._is_stacked)
        for observer in self._observers:
            observer.on_step(view)

    def _group_losses(
        self,
        group: BatchGroup,
        rows: Tensor,
        output: Tensor,
        target: Tensor,
        share: Tensor | None,
        weights: Tensor | None,
    ) -> Tensor:
        """The group's share of its members' mean losses; nothing, where this device has no rows of it.

        Where batches are mixed with themselves in reverse, `share` (members,) is how much of a row is its own.
        """
        if not rows.shape[1]:
            return torch.zeros(len(rows), device=self.device)
        means = self._losses.weighted(output, target, group.members, weights)
        if share is not None:
            other = None if weights is None else weights.flip(1)
            means = share * means + (1 - share) * self._losses.weighted(output, target.flip(1), group.members, other)
        return means if self._devices == 1 else means * (rows.shape[1] / group.rows.shape[1])

    def _augmented(self, features: Tensor, members: slice | None) -> tuple[Tensor, Tensor | None]:
        """Features as this step's draws change them, and how much of each row is its own (see `Augmentation`)."""
        if self._augmentation is None:
            return features, None
        keys = self._augmentation_key if members is None else self._augmentation_key[members]
        return self._augmentation(features, keys, first=self._rank, every=self._devices)

    def _network(self, features: Tensor, members: slice | None) -> Tensor:
        """Outputs (members, rows, num_outputs) of features (members, rows, ...)."""
        if not self._is_stacked:
            # A single member has its plain network: no member dimension, torch's own kernels and bits.
            return self.network(features[0])[None]  # type: ignore[no-any-return]
        if members is None:
            return self.network(features)  # type: ignore[no-any-return]
        return functional_call(self.network, self.stack.slices(members), (features,))  # type: ignore[no-any-return]

    # --- evaluation ----------------------------------------------------------------------------------------------

    def evaluate(self, batch: EvaluationBatch) -> tuple[Tensor, list[tuple[Tensor, Tensor, Tensor | None]]]:
        """Forward passes over each member's own rows of a batch on this device.

        Returns:
            Each member's sum of losses, (members,), float64; and its outputs, its targets and what its rows count.
        """
        rows = batch.rows[:, self._rank :: self._devices].to(self.device)
        counts = [len(range(self._rank, count, self._devices)) for count in batch.counts]
        raw, targets = self._network(self._rows.features(rows, None), None), self._rows.targets[rows]
        outputs, wanted = self._rows.in_unit(raw, None), self._rows.for_loss(targets, None)
        weights = self._rows.weights(rows, None)
        seen = [
            (outputs[index, :count], targets[index, :count], None if weights is None else weights[index, :count])
            for index, count in enumerate(counts)
        ]
        if weights is not None:
            own = torch.arange(rows.shape[1], device=rows.device) < torch.tensor(counts, device=rows.device)[:, None]
            return self._losses.summed(raw, wanted, weights * own), seen
        # No member was filled up: all losses in one call.
        if min(counts) == rows.shape[1] > 0:
            return self._losses(raw, wanted).double() * rows.shape[1], seen
        sums = torch.zeros(len(rows), dtype=torch.float64, device=self.device)
        for index, (member, count) in enumerate(zip(self.members, counts, strict=True)):
            if count:  # the mean over no rows would not be a number
                sums[index] = member.recipe.loss(raw[index, :count], wanted[index, :count]).double() * count
        return sums, seen


def _stacked_or_none(weights: Sequence[Tensor | None], device: torch.device) -> Tensor | None:
    """Class weights of all members, (members, classes); None: their trials want none."""
    given = [each for each in weights if each is not None]
    return torch.stack(given).to(device) if given else None


def present(chunk: Chunk, members: Sequence[int]) -> Sequence[Step]:
    """The steps of a chunk for the members that still train; it was made when there may have been more."""
    if chunk.members == tuple(members):
        return chunk.steps
    indices = [chunk.members.index(member) for member in members]
    return [tuple(_chosen(step, indices)) for step in chunk.steps]


def _chosen(step: Step, indices: Sequence[int]) -> list[BatchGroup]:
    groups: list[BatchGroup] = []
    for group in step:
        inside = [index - group.members.start for index in indices if group.members.start <= index < group.members.stop]
        if inside:
            first = groups[-1].members.stop if groups else 0
            groups.append(BatchGroup(slice(first, first + len(inside)), group.rows[inside]))
    return groups


def _by_member(steps: Sequence[Step], seen: Sequence[list[tuple[Tensor, Tensor]]]) -> tuple[list[Tensor], list[Tensor]]:
    """Outputs and targets of a chunk per member; only the last step may be in several groups."""
    whole = [pairs[0] for pairs in seen if len(pairs) == 1]
    rest = seen[-1] if len(seen[-1]) > 1 else []
    collected: list[list[Tensor]] = []
    for kind in (0, 1):
        together = torch.cat([pair[kind] for pair in whole], dim=1) if whole else None
        members = [] if together is None else list(together.unbind())
        tails = [tail for pair in rest for tail in pair[kind].unbind()]
        if not members:
            collected.append(tails)
        elif not tails:
            collected.append(members)
        else:
            collected.append([torch.cat(both) for both in zip(members, tails, strict=True)])
    return collected[0], collected[1]
