import numpy as np

from eksplora.evaluation.examples import images_of


def test_images_are_whole_numbers_of_the_rows_that_are_asked_for() -> None:
    images = np.linspace(0, 16, 3 * 4).reshape(3, 1, 2, 2)
    assert images_of(images, [2, 0]) == {"2": [[185, 209], [232, 255]], "0": [[0, 23], [46, 70]]}
    coloured = np.zeros((1, 3, 2, 2))
    coloured[0, 1] = 1
    assert images_of(coloured, [0]) == {"0": [[[0, 255, 0]] * 2] * 2}
    assert images_of(np.ones((1, 2, 1, 1)), [0]) == {"0": [[0]]}
