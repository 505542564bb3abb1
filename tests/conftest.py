import os

# Set before anything imports torch or MLflow: nothing reports home, and two tests at once do not fight for cores.
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["DO_NOT_TRACK"] = "true"
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MKL_NUM_THREADS", "1")
os.environ.setdefault("MKL_CBWR", "AUTO")  # as the package sets it, before any test multiplies
