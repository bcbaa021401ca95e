"""Reliability before and after the temperature."""

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skmax import ReliabilityDisplay, SoftmaxMLPClassifier

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    X, y, test_size=0.5, stratify=y, random_state=0
)
clf = SoftmaxMLPClassifier(random_state=0).fit(X_train, y_train)
_, ax = plt.subplots(figsize=(5, 4.6), layout="constrained")
draw = ReliabilityDisplay.from_estimator
draw(clf, X_test, y_test, temperature=1, name="before", ax=ax)
draw(clf, X_test, y_test, name="after", ax=ax)
