"""The coverage-guided fuzzer: `python fuzz/run.py [libFuzzer options]`, with `atheris` installed.

New inputs that reach new code go into `fuzz/corpus/`; `--merge` makes it small again:
`python fuzz/run.py -merge=1 fuzz/corpus /tmp/new`. `tests/middleware/test_fuzz.py` runs the
corpus with the other tests.
"""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests" / "support"))

with atheris.instrument_imports(include=["frontdesk"]):
    import fuzz_target


def main() -> None:
    """Run until something breaks a promise, or as long as the options say."""
    options = sys.argv[1:]
    folders = (
        [] if any(not option.startswith("-") for option in options) else [str(HERE / "corpus")]
    )
    words = [f"-dict={HERE / 'words.dict'}", "-max_len=4096"]
    # Merging runs this again, by a shell, as what stands in the first place.
    this = f"{sys.executable} {Path(__file__).resolve()}"
    atheris.Setup([this, *words, *options, *folders], fuzz_target.one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
