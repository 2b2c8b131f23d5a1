"""Speed, measured: ``python -m benchmarks`` runs all and writes ``benchmarks/results/latest.json``.

Numbers are taken here and nowhere else; no test asserts a time. What is compared runs side by side in one run, on the
same cores, from the same messages, and its results are compared as well.
"""
