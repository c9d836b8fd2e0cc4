import json
import pathlib
import tempfile
import unittest

import count


class CountTest(unittest.TestCase):
    def test_words_are_counted_whatever_their_case(self):
        self.assertEqual(count.count_words("Tea, good tea!"), {"tea": 2, "good": 1})

    def test_each_text_has_its_own_file(self):
        with tempfile.TemporaryDirectory() as source, tempfile.TemporaryDirectory() as target:
            pathlib.Path(source, "a").write_text("tea")
            count.main(pathlib.Path(source), pathlib.Path(target))
            self.assertEqual(json.loads(pathlib.Path(target, "a.json").read_text()), {"tea": 1})


if __name__ == "__main__":
    unittest.main()
