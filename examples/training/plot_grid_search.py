"""
Grid search over a pipeline
===========================

You will learn how to tune a pipeline, and to see how the settings act
together. Three settings decide most of how good a network is: its hidden
layers, the strength of its penalty and its learning rate. The defaults are
meant to be good enough without tuning, and a search shows what it would gain.
Here GridSearchCV tries all combinations of a small grid on handwritten digits,
with two processes. The score is the negative log loss, which counts honest
probabilities, too.
"""


# sphinx_gallery_parallel = False

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Rectangle
from sklearn.datasets import load_digits
from sklearn.feature_selection import VarianceThreshold
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import Pipeline

from skmax import SoftmaxMLPClassifier

# %%
# The pipeline
# ------------
# The classifier divides each pixel by its standard deviation. A pixel in the
# margin is blank in nearly every picture, so its deviation is tiny, and a rare
# drop of ink there would become a huge number. The first step of the pipeline
# removes such pixels: those with a variance of at most 0.1, where ink goes
# from 0 to 16.

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    X, y, test_size=0.5, stratify=y, random_state=0
)

model = Pipeline(
    [
        ("select", VarianceThreshold(threshold=0.1)),
        ("classify", SoftmaxMLPClassifier(random_state=0)),
    ]
)

n_kept = model["select"].fit(X_train).get_support().sum()
print(f"{n_kept} of {X.shape[1]} pixels are kept\n")

# %%
# The grid
# --------
# The name of a parameter begins with its step of the pipeline. No hidden
# layer, ``()``, is softmax regression. Other sizes are those of each of two
# towers, which see the pixels in two ways. The grid contains the default of
# each setting: alpha 1, hidden layers "auto", which are (128, 64) here, and
# learning rate 0.006. The training time is not in the grid, because each fit
# chooses it on held-out rows. All that a pipeline learns (pixels, scaling,
# epochs, temperature) comes from the training part of a fold, so nothing leaks
# into the scores.

alphas = [0.1, 1.0, 10.0]
hidden_layers = [(), (32,), "auto"]
learning_rates = [0.002, 0.006, 0.02]

search = GridSearchCV(
    model,
    {
        "classify__alpha": alphas,
        "classify__hidden_layer_sizes": hidden_layers,
        "classify__learning_rate_init": learning_rates,
    },
    scoring="neg_log_loss",
    cv=3,
    n_jobs=2,
)
search.fit(X_train, y_train)

# %%
# The best settings
# -----------------
# The search has fitted the best pipeline again, to all training rows. Report
# its score on rows that took no part in the search.

print("best parameters")
for name, value in search.best_params_.items():
    print(f"  {name.removeprefix('classify__'):<20}{value}")
print(f"cross-validated log loss  {-search.best_score_:.3f}")
print(f"test log loss             {-search.score(X_test, y_test):.3f}")
best_model = search.best_estimator_
print(f"test accuracy             {best_model.score(X_test, y_test):.3f}")

# %%
# These are the five best candidates, with the standard deviation of their
# scores over the folds, and then the defaults. Three folds cannot tell two
# candidates apart whose scores differ by less than that.

results = search.cv_results_
defaults = {name: model.get_params()[name] for name in search.best_params_}
print("\nrank  log loss           hidden layers   alpha   learning rate")
best_five = np.argsort(results["rank_test_score"])[:5]
for i in [*best_five, results["params"].index(defaults)]:
    params = results["params"][i]
    mean = results["mean_test_score"][i]
    deviation = results["std_test_score"][i]
    print(
        f"{results['rank_test_score'][i]:>4}"
        f"  {-mean:.3f} +- {deviation:.3f}"
        f"     {params['classify__hidden_layer_sizes']!s:<13}"
        f"{params['classify__alpha']:>8g}"
        f"{params['classify__learning_rate_init']:>16g}"
    )

# %%
# The whole grid
# --------------
# There is a panel for each learning rate. Candidates come in the order of the
# keys of the grid, and the last key changes fastest. So the scores, reshaped,
# have an axis for each setting. The best candidate has a frame.

shape = len(alphas), len(hidden_layers), len(learning_rates)
log_loss = -results["mean_test_score"].reshape(shape)
best = np.unravel_index(log_loss.argmin(), shape)

figure, panels = plt.subplots(
    1,
    len(learning_rates),
    sharey=True,
    figsize=(4.8, 2.6),
    layout="constrained",
)
for k, axes in enumerate(panels):
    losses = log_loss[:, :, k].T
    image = axes.imshow(
        losses,
        cmap="Blues",
        norm="log",
        vmin=log_loss.min(),
        vmax=log_loss.max(),
    )
    for (row, column), value in np.ndenumerate(losses):
        colour = "white" if image.norm(value) > 0.5 else "black"
        axes.text(
            column,
            row,
            f"{value:.3f}",
            color=colour,
            ha="center",
            va="center",
            fontsize=8,
        )
    axes.set_title(f"rate {learning_rates[k]:g}")
    axes.set_xlabel("alpha")
    axes.set_xticks(range(len(alphas)), [f"{alpha:g}" for alpha in alphas])
    axes.set_yticks(
        range(len(hidden_layers)), [str(sizes) for sizes in hidden_layers]
    )
    axes.tick_params(length=0)

frame = Rectangle(
    (best[0] - 0.5, best[1] - 0.5), 1, 1, fill=False, ec="black", lw=3
)
panels[best[2]].add_patch(frame)
panels[0].set_ylabel("hidden layers")
figure.suptitle("Cross-validated log loss (darker is worse)")
if "__file__" in globals():
    figure.savefig(Path(__file__).with_suffix(".png"), dpi=150)
