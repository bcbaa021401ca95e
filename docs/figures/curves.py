"""The curves of a fit with validation rows of its own."""

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skmax import SoftmaxMLPClassifier, TrainingCurveDisplay

X, y = load_digits(return_X_y=True)
X_train, X_val, y_train, y_val = train_test_split(X, y, stratify=y, random_state=0)
clf = SoftmaxMLPClassifier(random_state=0).fit(X_train, y_train, X_val=X_val, y_val=y_val)
_, ax = plt.subplots(figsize=(6.5, 3), layout="constrained")
TrainingCurveDisplay.from_estimator(clf, ax=ax)
