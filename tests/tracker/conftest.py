import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # example_study.py, for the tests here and the processes they start
sys.path.insert(0, str(Path(__file__).parents[1]))  # hostile_spools.py
