import numpy as np

from eksplora.data.boston_housing import BostonHousing

# The reference document's examples: test rows 3 and 4, counted from 0.
EXAMPLES = np.array(
    [
        [1.27346, 0.0, 19.58, 1.0, 0.605, 6.25, 92.6, 1.7984, 5.0, 403.0, 14.7, 338.92, 5.5],
        [0.07151, 0.0, 4.49, 0.0, 0.449, 6.121, 56.8, 3.7476, 3.0, 247.0, 18.5, 395.15, 8.44],
    ]
)


def prepared(root):
    dataset = BostonHousing(
        root=str(root),
        batch_size=32,
        scaling="standard",
        input_shape=[13],
        num_classes=None,
        num_targets=1,
        stratified=False,
    )
    return dataset, dataset.prepare()


def test_test_rows_3_and_4_are_the_reference_examples(tmp_path):
    features, targets = prepared(tmp_path)[0].open("test")
    np.testing.assert_array_equal(features[3:5], EXAMPLES)
    np.testing.assert_array_equal(targets[3:5], [[27.0], [22.2]])


def test_the_parts_are_those_of_keras(tmp_path):
    dataset, card = prepared(tmp_path)
    assert card["rows"] == {"train": 404, "test": 102}
    assert card["arrays"]["train_targets"]["shape"] == [404, 1]
    features, targets = dataset.open("train")
    # The first training row that keras.datasets.boston_housing.load_data() is known for.
    first = [1.23247, 0.0, 8.14, 0.0, 0.538, 6.142, 91.7, 3.9769, 4.0, 307.0, 21.0, 396.9, 18.72]
    np.testing.assert_array_equal(features[0], first)
    assert targets[:3, 0].tolist() == [15.2, 42.3, 50.0]


def test_the_card_names_the_thirteen_features_in_order(tmp_path):
    card = prepared(tmp_path)[1]
    ranges = dict(zip(card["feature_names"], card["feature_ranges"], strict=True))
    assert ranges["CHAS"] == [0.0, 1.0]  # the only indicator
    assert 3 < ranges["RM"][0] < ranges["RM"][1] < 9  # rooms per dwelling
    assert card["target_range"] == [[5.0, 50.0]]
