"""Conversion to and from the MLPClassifier of scikit-learn."""
