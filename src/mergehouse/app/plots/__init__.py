"""Figures as charts.js takes them, and the words that say what a plot shows."""
