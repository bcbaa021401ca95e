"""
Text: which words speak for which class
=======================================

You will learn how to classify text, and to see which words decide. The
question is which package a docstring comes from: matplotlib, NumPy, pandas,
SciPy or scikit-learn. The installed packages are the data, so nothing is
downloaded, and the numbers depend a little on their versions. Each docstring
becomes a sparse row of word weights (TF-IDF). Softmax regression, the
classifier without a hidden layer, has one coefficient for each word and class.

It needs pandas and matplotlib, as two of the five packages.
"""

import importlib.util
import re
import time
from collections import Counter
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.base import clone
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, GroupKFold, GroupShuffleSplit
from sklearn.pipeline import make_pipeline

from skmax import SoftmaxMLPClassifier

# %%
# The corpus
# ----------
# A text counts if it stands between triple quotes and is longer than 200
# characters. Tests are left out. Of each text, the first 500 characters are
# used: they say what it is about, without the examples at the end.

packages = ["matplotlib", "numpy", "pandas", "scipy", "sklearn"]
texts, labels, files = [], [], []
for package in packages:
    folder = Path(importlib.util.find_spec(package).origin).parent
    for path in sorted(folder.rglob("*.py")):
        if "tests" not in path.parts:
            code = path.read_text(encoding="utf-8")
            found = re.findall(r'"""(.*?)"""', code, re.DOTALL)
            docstrings = [text[:500] for text in found if len(text) > 200]
            texts += docstrings
            labels += [package] * len(docstrings)
            files += [str(path)] * len(docstrings)
labels = np.array(labels)

print(f"{len(texts)} docstrings from {len(set(files))} files")
counts = Counter(labels).items()
print(", ".join(f"{package} {count}" for package, count in counts))

# %%
# A quarter of the files is kept for testing. The docstrings of a file repeat
# each other, so a text with a near copy among the training rows would be too
# easy. The cross-validation below keeps files together, too.

split = GroupShuffleSplit(n_splits=1, test_size=0.25, random_state=0)
train, test = next(split.split(texts, labels, files))
texts_train, texts_test = [texts[i] for i in train], [texts[i] for i in test]
files_train = [files[i] for i in train]

# %%
# The model
# ---------
# The names of the packages are stop words, because they would give the answer
# away. ``scaling=None`` keeps the features as they are: TF-IDF has scaled
# them, and a rare word, scaled to unit variance, would be a large number. The
# rest is plain softmax regression, without smoothing and temperature.
# "newton-cg" reaches its optimum fastest. There is one setting to choose, the
# strength of the penalty.

names = "matplotlib mpl plt pyplot numpy pandas scipy sklearn scikit learn"
vectorizer = TfidfVectorizer(
    sublinear_tf=True,
    min_df=10,
    token_pattern=r"\b[a-z]{3,}\b",
    stop_words=names.split(),
)
classifier = SoftmaxMLPClassifier(
    hidden_layer_sizes=(),
    solver="newton-cg",
    scaling=None,
    label_smoothing=0,
    temperature_scaling=False,
)
search = GridSearchCV(
    make_pipeline(vectorizer, classifier),
    {"softmaxmlpclassifier__alpha": [0.1, 0.3, 1.0]},
    scoring="neg_log_loss",
    cv=GroupKFold(3),
)
search.fit(texts_train, labels[train], groups=files_train)

print("\nalpha   cross-validated log loss")
alphas = search.cv_results_["param_softmaxmlpclassifier__alpha"]
scores = search.cv_results_["mean_test_score"]
for alpha, score in zip(alphas, scores, strict=True):
    print(f"{alpha:<8g}{-score:.3f}")

# %%
# Scores of other files
# ---------------------
# The best model of the search is compared with the same model on scaled
# features, and with the default network, which has two hidden layers of 128
# units.

vectorizer, best = search.best_estimator_
X_train = vectorizer.transform(texts_train)
X_test = vectorizer.transform(texts_test)
words_in_each = X_train.nnz / X_train.shape[0]
print(f"\n{X_train.shape[1]} words, {words_in_each:.0f} in a docstring")

models = {
    "softmax regression": best,
    "  with scaled features": clone(best).set_params(scaling="standard"),
    "network": SoftmaxMLPClassifier(scaling=None, random_state=0),
}
print(f"\n{'':<26}accuracy  log loss  seconds to fit")
for name, model in models.items():
    start = time.perf_counter()
    model.fit(X_train, labels[train])
    seconds = time.perf_counter() - start
    loss = log_loss(labels[test], model.predict_proba(X_test))
    accuracy = model.score(X_test, labels[test])
    print(f"{name:<26}{accuracy:>8.3f}{loss:>10.3f}{seconds:>16.1f}")

# %%
# Hidden layers gain nothing here. Softmax regression makes fewer errors, at a
# lower loss and in a fraction of the time. Scaling costs a great deal.
#
# Which words speak for a class
# -----------------------------
# A logit is an intercept plus the sum over the words of a docstring: each adds
# its weight times the coefficient of that word and class. Only differences
# between classes matter, and the penalty is least if the coefficients of a
# word sum to 0. So a positive one speaks for the class, and a negative one
# against it.

W = best.coefs_[0]  # of shape (n_words, n_classes)
words = vectorizer.get_feature_names_out()
largest = np.abs(W.sum(axis=1)).max()
print(f"\nlargest sum of a word's coefficients {largest:.0e}")

# %%
# The coefficients say why a docstring was classified as it was. This is the
# test docstring with the largest loss, and what its words add to the
# difference of the two logits.

P = best.predict_proba(X_test)
true = np.searchsorted(best.classes_, labels[test])
i = P[np.arange(len(test)), true].argmin()
predicted = P[i].argmax()
added = X_test[[i]].toarray()[0] * (W[:, predicted] - W[:, true[i]])
print(f"\n{' '.join(texts_test[i].split())[:70]} ...")
right, wrong = best.classes_[[true[i], predicted]]
print(f"from {right}, taken for {wrong} with p = {P[i, predicted]:.3f}")
most = (-added).argsort()[:5]
print("because of", ", ".join(f"{words[j]} {added[j]:+.1f}" for j in most))

# %%
# The words with the largest coefficients
# ---------------------------------------
# These are the four words that speak most for each package.

figure, panels = plt.subplots(
    3, 2, figsize=(4.8, 3.8), sharex=True, layout="constrained"
)
for k, axes in enumerate(panels.flat[:-1]):
    top = W[:, k].argsort()[-4:]
    axes.barh(range(4), W[top, k], color="#8FC1E3")
    for height, word in enumerate(words[top]):
        axes.text(0.1, height, word, va="center")
    axes.set(title=best.classes_[k], yticks=[])
    axes.spines[["top", "right"]].set_visible(False)
panels[-1, -1].set_visible(False)
panels[-1, 0].set_xlabel("coefficient")
panels[-2, 1].set_xlabel("coefficient")
panels[-2, 1].tick_params(labelbottom=True)

if "__file__" in globals():
    figure.savefig(Path(__file__).with_suffix(".png"), dpi=150)
