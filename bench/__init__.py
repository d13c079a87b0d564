"""Measures every figure that the project promises, on the real lab, and holds each to its bar."""
