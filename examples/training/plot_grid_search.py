"""
Grid search over a pipeline
===========================

Three settings decide most of how well a network does: its hidden layers, the strength of
its penalty and its learning rate. The defaults are meant to do without tuning; a search
says what it would gain. Here scikit-learn's GridSearchCV tries all combinations of a small
grid on handwritten digits, two processes at a time. The score is the negative log loss,
which rewards honest probabilities and not only right answers. The picture shows how the
three settings act together.
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
# The classifier scales the pixels itself, dividing each by its standard deviation. That of
# a pixel in the margin, blank in nearly every picture, is tiny: divided by it, a rare drop of
# ink there would become a huge number. The first step of the pipeline leaves such pixels
# out: those with a variance of 0.1 at most, where ink goes from 0 to 16.

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
# Parameters of the classifier are named after its step of the pipeline. No hidden layer,
# ``()``, is softmax regression; any other is of each of two towers, which see the pixels in two
# ways. The default of each setting is in the grid: alpha 1, hidden layers "auto", which are
# (128, 64) here, and learning rate 0.006. How long to train is not: each fit asks a
# held-out fit. Whatever a pipeline learns (pixels, scaling, epochs, temperature), it
# learns from the training part of a fold, so that nothing leaks into the scores.

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
# The search has refitted the best pipeline on all training rows. Its score on rows that
# took no part in the search is the one to report.

print("best parameters")
for name, value in search.best_params_.items():
    print(f"  {name.removeprefix('classify__'):<20}{value}")
print(f"cross-validated log loss  {-search.best_score_:.3f}")
print(f"held-out log loss         {-search.score(X_test, y_test):.3f}")
print(f"held-out accuracy         {search.best_estimator_.score(X_test, y_test):.3f}")

# %%
# The five best candidates, with the spread of their scores over the folds, and below them
# the defaults. Three folds cannot tell candidates apart that differ by less than the
# spread.

results = search.cv_results_
defaults = {name: model.get_params()[name] for name in search.best_params_}
print("\nrank  log loss           hidden layers   alpha   learning rate")
for i in [*np.argsort(results["rank_test_score"])[:5], results["params"].index(defaults)]:
    params = results["params"][i]
    print(
        f"{results['rank_test_score'][i]:>4}"
        f"  {-results['mean_test_score'][i]:.3f} +- {results['std_test_score'][i]:.3f}"
        f"     {params['classify__hidden_layer_sizes']!s:<13}"
        f"{params['classify__alpha']:>8g}"
        f"{params['classify__learning_rate_init']:>16g}"
    )

# %%
# The whole grid
# --------------
# A panel per learning rate. Candidates come in the order of the grid's keys, the last one
# running fastest: reshaped, the scores have an axis per setting.

shape = len(alphas), len(hidden_layers), len(learning_rates)
log_loss = -results["mean_test_score"].reshape(shape)
best = np.unravel_index(log_loss.argmin(), shape)

figure, panels = plt.subplots(
    1, len(learning_rates), sharey=True, figsize=(11, 4), layout="constrained"
)
for k, axes in enumerate(panels):
    losses = log_loss[:, :, k].T
    image = axes.imshow(
        losses, cmap="viridis_r", norm="log", vmin=log_loss.min(), vmax=log_loss.max()
    )
    for (row, column), value in np.ndenumerate(losses):
        colour = "white" if image.norm(value) > 0.5 else "black"
        axes.text(column, row, f"{value:.3f}", color=colour, ha="center", va="center")
    axes.set_title(f"learning rate {learning_rates[k]:g}")
    axes.set_xlabel("alpha")
    axes.set_xticks(range(len(alphas)), [f"{alpha:g}" for alpha in alphas])
    axes.set_yticks(range(len(hidden_layers)), [str(sizes) for sizes in hidden_layers])
    axes.tick_params(length=0)

frame = Rectangle((best[0] - 0.5, best[1] - 0.5), 1, 1, fill=False, ec="#D55E00", lw=3)
panels[best[2]].add_patch(frame)
panels[0].set_ylabel("hidden layers")
figure.colorbar(image, ax=panels, format="{x:g}", ticks=[0.07, 0.1, 0.15]).minorticks_off()
figure.suptitle("Cross-validated log loss: lower is better, best framed")

if "__file__" in globals():
    figure.savefig(Path(__file__).with_suffix(".png"), dpi=150)
