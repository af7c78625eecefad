"""How good predictions are: metrics with intervals, backtests, calibration, explanations, drift."""
