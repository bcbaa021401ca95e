"""At work inside scikit-learn's own estimators and tools."""

import numpy as np
import pytest
import sklearn
from neutral import NEUTRAL
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import make_classification
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.feature_selection import SequentialFeatureSelector
from sklearn.inspection import permutation_importance
from sklearn.model_selection import (
    GridSearchCV,
    StratifiedKFold,
    TunedThresholdClassifierCV,
    cross_validate,
    learning_curve,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import SelfTrainingClassifier

from skmax import SoftmaxMLPClassifier

X, y = make_classification(
    300, 6, n_informative=5, n_redundant=0, n_classes=3, class_sep=2.0, random_state=0
)


def quick(**settings):
    settings = {
        **NEUTRAL,
        "max_iter": 20,
        "learning_rate": "cosine",
        "learning_rate_init": 0.02,
        "random_state": 0,
        **settings,
    }
    return SoftmaxMLPClassifier((16,), **settings)


META = {
    "bagging": lambda: BaggingClassifier(quick(), n_estimators=2, random_state=0),
    "adaboost": lambda: AdaBoostClassifier(quick(), n_estimators=2, random_state=0),
    "stacking": lambda: StackingClassifier([("net", quick())], final_estimator=quick(), cv=2),
    "voting": lambda: VotingClassifier([("a", quick()), ("b", quick())], voting="soft"),
    "one versus rest": lambda: OneVsRestClassifier(quick()),
    "self-training": lambda: SelfTrainingClassifier(quick(), threshold=0.9),
    "sigmoid": lambda: CalibratedClassifierCV(quick(), cv=2),
    "isotonic": lambda: CalibratedClassifierCV(quick(), cv=2, method="isotonic"),
}


@pytest.mark.parametrize("name", META)
def test_meta_estimators(name):
    labels = np.where(np.arange(300) % 4, y, -1) if name == "self-training" else y
    assert META[name]().fit(X, labels).score(X, y) > 0.8


def test_calibration_by_temperature_scales_the_logits():
    clf = CalibratedClassifierCV(quick(), method="temperature", cv=2, ensemble=False).fit(X, y)
    (member,) = clf.calibrated_classifiers_
    beta = member.calibrators[0].beta_
    Z = beta * member.estimator.decision_function(X)
    expected = np.exp(Z) / np.exp(Z).sum(axis=1, keepdims=True)
    assert_allclose(clf.predict_proba(X), expected, rtol=1e-6)


def test_grid_search_in_two_processes_finds_what_one_finds():
    pipeline = make_pipeline(StandardScaler(), quick())
    grid = {
        "softmaxmlpclassifier__hidden_layer_sizes": [(), (8,), (8, 8)],
        "softmaxmlpclassifier__alpha": np.logspace(-4, 1, 2),
    }
    results = [
        GridSearchCV(pipeline, grid, cv=2, scoring="neg_log_loss", n_jobs=n).fit(X, y).cv_results_
        for n in (1, 2)
    ]
    assert_array_equal(*(r["mean_test_score"] for r in results))
    assert len(set(results[0]["mean_test_score"])) == 6


def test_validation_rows_go_through_a_pipeline():
    with sklearn.config_context(enable_metadata_routing=True):
        clf = quick().set_fit_request(X_val=True, y_val=True, sample_weight=True)
        pipeline = make_pipeline(
            StandardScaler().set_fit_request(sample_weight=False), clf, transform_input=["X_val"]
        )
        weight = np.ones(200)
        pipeline.fit(X[:200], y[:200], X_val=X[200:], y_val=y[200:], sample_weight=weight)
    scaler = StandardScaler().fit(X[:200])
    direct = quick().fit(
        scaler.transform(X[:200]), y[:200], X_val=scaler.transform(X[200:]), y_val=y[200:],
        sample_weight=weight,
    )  # fmt: skip
    assert pipeline[-1].validation_loss_curve_ == direct.validation_loss_curve_


def test_weights_and_validation_rows_go_through_a_search():
    weight = np.random.default_rng(0).uniform(0.1, 3.0, size=200)
    held_out = {"X_val": X[200:], "y_val": y[200:]}
    with sklearn.config_context(enable_metadata_routing=True):
        clf = quick().set_fit_request(X_val=True, y_val=True, sample_weight=True)
        clf.set_score_request(sample_weight=True)
        search = GridSearchCV(clf, {"alpha": [0.1, 10.0]}, cv=2)
        search.fit(X[:200], y[:200], sample_weight=weight, **held_out)
    best = quick(**search.best_params_).fit(X[:200], y[:200], weight, **held_out)
    refitted = search.best_estimator_
    assert_array_equal(refitted.coefs_[0], best.coefs_[0])
    assert refitted.validation_loss_curve_ == best.validation_loss_curve_
    # The folds have their own rows' weights, and all of the validation rows.
    i = search.best_index_
    for fold, (train, test) in enumerate(StratifiedKFold(2).split(X[:200], y[:200])):
        part = quick(**search.best_params_).fit(X[train], y[train], weight[train], **held_out)
        score = part.score(X[test], y[test], weight[test])
        assert search.cv_results_[f"split{fold}_test_score"][i] == score


@pytest.mark.parametrize("search", [False, True])
def test_rows_and_weights_go_through_a_pipeline_in_a_validation(search):
    weight = np.random.default_rng(0).uniform(0.1, 3.0, size=300)
    train, val = slice(0, 200), slice(200, 300)
    data = {"X_val": X[val], "y_val": y[val], "sample_weight_val": weight[val]}

    def pipeline():
        requests = dict.fromkeys([*data, "sample_weight"], True)
        return make_pipeline(
            StandardScaler().set_fit_request(sample_weight=True),
            quick().set_fit_request(**requests).set_score_request(sample_weight=True),
            transform_input=["X_val"],
        )

    with sklearn.config_context(enable_metadata_routing=True):
        params = {"sample_weight": weight[train], **data}
        if search:
            name = "softmaxmlpclassifier__alpha"
            fits = GridSearchCV(pipeline(), {name: [1e-4]}, cv=2).fit(X[train], y[train], **params)
            estimators, folds = [fits.best_estimator_], [(np.arange(200), None)]
        else:
            fits = cross_validate(
                pipeline(), X[train], y[train], cv=2, params=params, return_estimator=True
            )
            estimators, folds = fits["estimator"], StratifiedKFold(2).split(X[train], y[train])
    for estimator, (rows, _) in zip(estimators, folds, strict=True):
        scaler = StandardScaler().fit(X[rows], sample_weight=weight[rows])
        direct = quick().fit(
            scaler.transform(X[rows]), y[rows], weight[rows],
            **{**data, "X_val": scaler.transform(X[val])},
        )  # fmt: skip
        assert estimator[-1].validation_loss_curve_ == direct.validation_loss_curve_
        assert_array_equal(estimator[-1].coefs_[0], direct.coefs_[0])


def test_multi_output_threshold_selection_and_importance():
    both = np.column_stack([y, y > 0])
    assert MultiOutputClassifier(quick()).fit(X, both).score(X, both) > 0.7
    tuned = TunedThresholdClassifierCV(quick(), scoring="balanced_accuracy", cv=2)
    assert tuned.fit(X, y > 0).score(X, y > 0) > 0.8
    noisy = np.column_stack([X, np.random.default_rng(0).normal(size=300)])
    importance = permutation_importance(quick().fit(noisy, y), noisy, y, random_state=0)
    assert importance.importances_mean[-1] < importance.importances_mean[:-1].max() / 5
    selector = SequentialFeatureSelector(quick(), n_features_to_select=1, cv=2)
    assert not selector.fit(noisy, y).get_support()[-1]


def test_cross_validation_and_learning_curves():
    scores = cross_validate(quick(), X, y, cv=3, scoring=["accuracy", "neg_log_loss"])
    assert scores["test_accuracy"].mean() > 0.8
    _, _, test_scores = learning_curve(quick(), X, y, train_sizes=[0.2, 1.0], cv=3)
    assert test_scores.mean(axis=1)[1] > test_scores.mean(axis=1)[0] - 0.02
