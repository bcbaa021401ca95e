"""The learning rate over a fit, for each schedule that depends on nothing but time."""

import matplotlib.pyplot as plt
import numpy as np

from skmax._optim.schedules import SCHEDULES, ScheduleState

N_STEPS = 600
_, ax = plt.subplots(figsize=(7, 3), layout="constrained")
for name in ("constant", "cosine", "one_cycle", "coslog4"):
    schedule = SCHEDULES[name]
    factors = [schedule.factor(ScheduleState(step, N_STEPS), 0.5) for step in range(N_STEPS)]
    width = 2.2 if name == "coslog4" else 1.2
    (line,) = ax.plot(60 * np.arange(N_STEPS) / N_STEPS, factors, linewidth=width, label=name)
    if schedule.cycle_ends:
        ends = 60 * np.array(schedule.cycle_ends)
        ax.plot(ends, np.zeros(len(ends)), "o", color=line.get_color(), clip_on=False, zorder=3)
ax.set(xlabel="epoch", ylabel="factor of the rate", xlim=(0, 60), ylim=(0, 1.05))
ax.set_xticks([4, 12, 28, 60])
ax.spines[["top", "right"]].set_visible(False)
ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
