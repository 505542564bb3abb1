import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # fuzzed.py, for the tests here and the process that runs it
