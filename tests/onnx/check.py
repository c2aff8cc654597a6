"""check.py - ONNX's own checker on every DIR/*.onnx, with strict inference of types and shapes."""
import glob
import sys

import onnx

files = sorted(glob.glob(sys.argv[1] + "/*.onnx"))
for path in files:
    try:
        model = onnx.load(path)
        onnx.checker.check_model(model, full_check=True)
    except Exception as error:
        sys.exit(f"{path}: {error}")
if not files:
    sys.exit(f"no models in {sys.argv[1]}")
print(f"{len(files)} models pass the checker of ONNX {onnx.__version__}")
