"""
A table with categories and gaps
================================

The classifier takes a data frame as it is. Strings are categories, and a missing number is the
mean, beside which one more column says that it was missing. This page asks who survived the
Titanic, what each kind of column is worth, and what it takes to use the names, which are free
text. The picture shows what the network has learnt, and what became of passengers that it had
not seen.

It needs ``pip install skmax[plot] skrub bokeh_sampledata``, the last one for the data.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from bokeh_sampledata.titanic import data
from sklearn.model_selection import StratifiedKFold, cross_validate, train_test_split
from sklearn.pipeline import make_pipeline
from skrub import StringEncoder, TableVectorizer, tabular_pipeline

from skmax import SoftmaxMLPClassifier

# %%
# The table
# ---------
# Names, two categories, and the age, which is missing for two passengers in five. One passenger
# has no class, and is left out.

passengers = data[data["class"] != "*"].reset_index(drop=True)
y = np.where(passengers["survived"] == 1, "survived", "died")

print(passengers.iloc[[0, 400, 1300]].to_string(index=False))
print(f"\n{len(y)} passengers, {np.mean(y == 'survived'):.0%} survived")
print(", ".join(f"{column}: {n} missing" for column, n in passengers.isna().sum().items() if n))

# %%
# A fit of the table as it is
# ---------------------------
# All columns but the names. What the network sees of them has names, too: a column for each
# level, one for missing ages, the numbers, the share of survivors among the rows of each level,
# and the bins of the age.

X = passengers[["class", "age", "sex"]]
classifier = SoftmaxMLPClassifier(random_state=0).fit(X, y)
print(*classifier.encoded_feature_names_, sep="\n")

# %%
# Names
# -----
# Hardly two passengers have the same name, so that names say nothing as a category (the fit
# would warn).
# TableVectorizer makes 30 numbers of it, in which one can read who was a Mrs, a Miss or a
# Master. It is told to leave categories of few levels as they are. The whole pipeline of skrub
# encodes these itself, and scales the age.

names_as_numbers = TableVectorizer(
    low_cardinality="passthrough", high_cardinality=StringEncoder(random_state=0)
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
# Held-out scores
# ---------------
# Five folds. The last column is the mean difference of log loss from the first model, on the
# same rows, and its standard deviation over the folds.

cv = StratifiedKFold(5, shuffle=True, random_state=0)
losses = {}
print(f"\n{'':<29}accuracy   log loss   minus the first")
for name, (model, table) in models.items():
    scores = cross_validate(model, table, y, cv=cv, scoring=["accuracy", "neg_log_loss"])
    losses[name] = -scores["test_neg_log_loss"]
    difference = losses[name] - losses["age, sex, class"]
    print(
        f"{name:<29}{scores['test_accuracy'].mean():>8.3f}{losses[name].mean():>11.3f}"
        f"   {difference.mean():+.3f} +- {difference.std():.3f}"
    )

# %%
# Sex and class say most, and the age a little. skrub's pipeline gives the same scores, because
# there is nothing in these columns that the classifier does not take by itself. The names, 30
# more features for a thousand rows, are a loss.
#
# What the network has learnt
# ---------------------------
# A fit on half of the passengers. Lines are its probabilities by age, and at the left those
# for an age that is not known. Points are shares of the other half that survived, larger where
# they stand for more passengers; those of fewer than five are left out.

X_train, X_test, y_train, y_test = train_test_split(
    X, y, test_size=0.5, stratify=y, random_state=0
)
model = SoftmaxMLPClassifier(random_state=0).fit(X_train, y_train)
print(f"\nheld-out accuracy of the fit on one half  {model.score(X_test, y_test):.3f}")

UNKNOWN = -12
ages = np.arange(1, 71)
groups = pd.cut(X_test["age"], [0, 15, 30, 45, 80]).cat.add_categories("unknown").fillna("unknown")
outcome = X_test.assign(group=groups, position=X_test["age"], survived=y_test == "survived")

figure, panels = plt.subplots(1, 3, sharey=True, figsize=(11, 4.2), layout="constrained")
for axes, class_name in zip(panels, ["1st", "2nd", "3rd"], strict=True):
    for sex, colour, style in (("female", "#D55E00", "-"), ("male", "#0072B2", "--")):
        asked = pd.DataFrame({"class": class_name, "age": [*ages, np.nan], "sex": sex})
        p = model.predict_proba(asked)[:, 1]
        axes.plot(ages, p[:-1], style, color=colour, label=sex)
        axes.plot([UNKNOWN - 5, UNKNOWN + 5], [p[-1], p[-1]], style, color=colour)

        chosen = (outcome["class"] == class_name) & (outcome["sex"] == sex)
        seen = (
            outcome[chosen]
            .groupby("group", observed=True)
            .agg(age=("position", "mean"), share=("survived", "mean"), n=("survived", "size"))
        )
        seen = seen[seen["n"] >= 5].fillna({"age": UNKNOWN})
        axes.scatter(seen["age"], seen["share"], s=3 * seen["n"], color=colour, alpha=0.5)
    axes.set(title=f"{class_name} class", xlabel="age", ylim=(-0.05, 1.05))
    axes.set_xticks([UNKNOWN, 0, 20, 40, 60], ["?", "0", "20", "40", "60"])
    axes.spines[["top", "right"]].set_visible(False)
panels[0].set_ylabel("probability to survive")
panels[0].legend(frameon=False, loc="lower right")

if "__file__" in globals():
    figure.savefig(Path(__file__).with_suffix(".png"), dpi=150)
