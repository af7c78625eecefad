"""What models that earlier versions registered in MLflow name as their loader; it is `registry/model_file.py`
now.
"""

from mergehouse.science.registry.model_file import _load_pyfunc

__all__ = ["_load_pyfunc"]
