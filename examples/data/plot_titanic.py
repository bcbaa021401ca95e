"""
A table with categories and gaps
================================

You will learn how to fit a data frame as it is, with strings and missing
numbers, and what to do with free text. The question is who survived the
Titanic. Strings are categories. A missing number counts as the mean, and one
more column says that it was missing. The picture shows what the network has
learnt, beside what became of passengers that it had not seen.

It needs matplotlib, pandas, skrub, and bokeh_sampledata for the data.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from bokeh_sampledata.titanic import data
from sklearn.model_selection import (
    StratifiedKFold,
    cross_validate,
    train_test_split,
)
from sklearn.pipeline import make_pipeline
from skrub import StringEncoder, TableVectorizer, tabular_pipeline

from skmax import SoftmaxMLPClassifier

# %%
# The table
# ---------
# There are names, two categories, and the age, which is missing for two
# passengers in five. One passenger has no class, and is left out.

passengers = data[data["class"] != "*"].reset_index(drop=True)
y = np.where(passengers["survived"] == 1, "survived", "died")

print(passengers.iloc[[0, 400, 1300]].to_string(index=False))
print(f"\n{len(y)} passengers, {np.mean(y == 'survived'):.0%} survived")
gaps = passengers.isna().sum()
print(", ".join(f"{name}: {n} missing" for name, n in gaps.items() if n))

# %%
# A fit of the table as it is
# ---------------------------
# These are all columns except the names of the passengers.
# ``encoded_feature_names_`` lists what the network sees: a column for each
# level, one for missing ages, the numbers, the share of survivors among the
# rows of each level, and the bins of the age.

X = passengers[["class", "age", "sex"]]
classifier = SoftmaxMLPClassifier(random_state=0).fit(X, y)
print(*classifier.encoded_feature_names_, sep="\n")

# %%
# Names
# -----
# Hardly two passengers have the same name, so names say nothing as a category,
# and ``fit`` would warn. skrub's TableVectorizer makes 30 numbers of each
# name, which tell a Mrs from a Miss or a Master. Here it leaves the other
# categories as they are. The whole pipeline of skrub encodes these itself, and
# scales the age.

names_as_numbers = TableVectorizer(
    low_cardinality="passthrough",
    high_cardinality=StringEncoder(random_state=0),
)
models = {
    "age, sex, class": (classifier, X),
    "age": (classifier, X[["age"]]),
    "sex, class": (classifier, X[["sex", "class"]]),
    "tabular_pipeline of skrub": (tabular_pipeline(classifier), X),
    "names too": (
        make_pipeline(names_as_numbers, classifier),
        passengers.drop(columns="survived"),
    ),
}

# %%
# Scores
# ------
# They are those of a cross-validation in five folds. The last column is the
# mean difference of log loss from the first model, on the same rows, and its
# standard deviation over the folds.

cv = StratifiedKFold(5, shuffle=True, random_state=0)
losses = {}
print(f"\n{'':<29}accuracy   log loss   minus the first")
for name, (model, table) in models.items():
    scores = cross_validate(
        model, table, y, cv=cv, scoring=["accuracy", "neg_log_loss"]
    )
    losses[name] = -scores["test_neg_log_loss"]
    difference = losses[name] - losses["age, sex, class"]
    print(
        f"{name:<29}{scores['test_accuracy'].mean():>8.3f}"
        f"{losses[name].mean():>11.3f}"
        f"   {difference.mean():+.3f} +- {difference.std():.3f}"
    )

# %%
# Sex and class say most, and the age says a little. skrub's pipeline gives the
# same scores, because the classifier takes these columns by itself. The names,
# 30 more features for a thousand rows, make it worse.
#
# What the network has learnt
# ---------------------------
# This network is trained on half of the passengers. Lines are its
# probabilities by age, and short lines at "?" those for an unknown age. Dots
# are fractions of the other half that survived. Larger dots stand for more
# passengers, and groups of fewer than five have none.

X_train, X_test, y_train, y_test = train_test_split(
    X, y, test_size=0.5, stratify=y, random_state=0
)
model = SoftmaxMLPClassifier(random_state=0).fit(X_train, y_train)
print(f"\naccuracy on the other half  {model.score(X_test, y_test):.3f}")

UNKNOWN = -15
ages = np.arange(1, 71)
groups = pd.cut(X_test["age"], [0, 15, 30, 45, 80])
groups = groups.cat.add_categories("unknown").fillna("unknown")
survived = y_test == "survived"
outcome = X_test.assign(group=groups, survived=survived)
styles = {"female": ("#009E73", "-"), "male": ("#0072B2", "--")}

figure, panels = plt.subplots(
    1, 3, sharey=True, figsize=(4.8, 3.6), layout="constrained"
)
for axes, class_name in zip(panels, ["1st", "2nd", "3rd"], strict=True):
    for sex, (colour, style) in styles.items():
        asked = pd.DataFrame(
            {"class": class_name, "age": [*ages, np.nan], "sex": sex}
        )
        p = model.predict_proba(asked)[:, 1]
        axes.plot(ages, p[:-1], style, color=colour, label=sex)
        around = [UNKNOWN - 7, UNKNOWN + 7]
        axes.plot(around, [p[-1], p[-1]], style, color=colour)

        chosen = (outcome["class"] == class_name) & (outcome["sex"] == sex)
        seen = outcome[chosen].groupby("group", observed=True)
        age, share = seen["age"].mean(), seen["survived"].mean()
        n = seen.size()
        shown = n >= 5
        axes.scatter(
            age[shown].fillna(UNKNOWN),
            share[shown],
            s=3 * n[shown],
            color=colour,
            alpha=0.5,
        )
    axes.set(title=f"{class_name} class", xlabel="age", ylim=(-0.05, 1.05))
    axes.set_xticks([UNKNOWN, 0, 35, 70], ["?", "0", "35", "70"])
    axes.spines[["top", "right"]].set_visible(False)
panels[0].set_ylabel("probability to survive")
panels[2].legend(frameon=False, loc="upper right")

if "__file__" in globals():
    figure.savefig(Path(__file__).with_suffix(".png"), dpi=150)
