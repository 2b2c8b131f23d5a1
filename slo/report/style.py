"""How a report looks: light or dark as its reader's screen is, and light on paper."""

from __future__ import annotations

from typing import Final

# The colours of the figures that metrics-ai draws (metrics_ai/explain/plots.py), and their like on a dark ground.
_LIGHT: Final = """--ground:#fff;--card:#f7f9fb;--ink:#1f2933;--grey:#66727f;--faint:#e4e8ec;--blue:#1d5f9e;
--band:#9cc3e6;--good:#7fb08f;--good-ink:#2b7a4b;--red:#c92a2a;--red-fill:#f6cfcb;--amber:#b7791f;--p0:#c92a2a;--p1:#d97706;
--p2:#4f86b8;--p3:#a3afbb"""
_DARK: Final = """--ground:#14191f;--card:#1b222a;--ink:#dfe6ed;--grey:#93a1af;--faint:#2b343e;--blue:#6aaae4;
--band:#2f5f8a;--good:#4d8a63;--good-ink:#7cc79a;--red:#f07067;--red-fill:#6b2b2b;--amber:#e0a94a;--p0:#f07067;--p1:#e39a3b;
--p2:#6aaae4;--p3:#5d6a77"""

STYLE: Final = f""":root{{color-scheme:light dark;{_LIGHT}}}
@media(prefers-color-scheme:dark){{:root{{{_DARK}}}}}
@media print{{:root{{color-scheme:light;{_LIGHT}}}}}
*{{box-sizing:border-box}}
body{{margin:0 auto;max-width:1000px;padding:40px 40px 64px;background:var(--ground);color:var(--ink);
font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,"DejaVu Sans",sans-serif;
font-variant-numeric:tabular-nums;-webkit-print-color-adjust:exact;print-color-adjust:exact}}
h1{{font-size:28px;line-height:1.2;font-weight:650;letter-spacing:-.015em;margin:0 0 6px}}
h2{{font-size:13px;font-weight:600;margin:36px 0 10px}}
h2 small{{font-weight:400;color:var(--grey);font-size:13px;margin-left:8px}}
p{{margin:0 0 4px}}.sub{{color:var(--grey)}}
.when{{color:var(--grey);font-size:13px;margin-top:8px}}
code{{font:12.5px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;overflow-wrap:anywhere}}
section{{padding-top:8px}}
section+section,.overview+section{{margin-top:64px;border-top:1px solid var(--faint);padding-top:48px}}
.badge{{display:inline-block;font-size:12px;font-weight:600;line-height:1;padding:5px 9px;border-radius:99px;
vertical-align:4px;margin-left:10px;letter-spacing:0;border:1px solid currentColor}}
.met{{color:var(--good-ink)}}.missed{{color:var(--red)}}.no-data{{color:var(--grey)}}
.figures{{display:grid;grid-template-columns:repeat(4,1fr);gap:14px;margin-top:28px}}
.figure{{background:var(--card);border-radius:10px;padding:16px 18px 15px}}
.figure h3{{font-size:12.5px;font-weight:500;color:var(--grey);margin:0 0 4px}}
.figure b{{display:block;font-size:27px;font-weight:600;line-height:1.2;letter-spacing:-.02em;white-space:nowrap}}
.figure span{{display:block;color:var(--grey);font-size:12.5px;margin-top:4px}}
.meter{{display:block;height:4px;border-radius:2px;background:var(--faint);margin-top:9px;overflow:hidden}}
.meter i{{display:block;height:100%;background:var(--blue)}}.meter i.low{{background:var(--amber)}}
svg{{display:block;width:100%;height:auto;overflow:visible}}
text{{font-size:11.5px;fill:var(--grey)}}.middle{{text-anchor:middle}}.end{{text-anchor:end}}
.lane{{fill:var(--ink);font-size:12px}}
.grid{{stroke:var(--faint)}}.zero{{stroke:var(--grey)}}
.target{{stroke:var(--ink);stroke-dasharray:4 3}}.threshold{{stroke:var(--red);stroke-dasharray:4 3;opacity:.75}}
.line{{fill:none;stroke:var(--blue);stroke-width:1.75;stroke-linejoin:round}}.thin{{stroke-width:1.25}}
.dot{{fill:var(--blue)}}.above{{fill:var(--band);opacity:.32}}.below{{fill:var(--red-fill);opacity:.75}}
rect.good{{fill:var(--good)}}rect.bad{{fill:var(--red)}}rect.none{{fill:var(--faint)}}rect.part{{opacity:.55}}
rect.p0{{fill:var(--p0)}}rect.p1{{fill:var(--p1)}}rect.p2{{fill:var(--p2)}}rect.p3{{fill:var(--p3)}}
.panels{{display:grid;grid-template-columns:repeat(3,1fr);gap:18px 24px}}
.panel{{break-inside:avoid}}
.panel header{{display:flex;justify-content:space-between;font-size:12.5px;color:var(--grey)}}
.panel header b{{color:var(--ink);font-weight:600}}
table{{border-collapse:collapse;width:100%;font-size:13.5px}}
th{{text-align:left;font-weight:500;color:var(--grey);font-size:12.5px;border-bottom:1px solid var(--faint)}}
th,td{{padding:7px 14px 7px 0;vertical-align:top}}td+td,th+th{{padding-left:0}}tr:last-child td{{border:0}}
td{{border-bottom:1px solid var(--faint)}}.r{{text-align:right}}td.r,th.r{{padding-right:26px}}
td:last-child,th:last-child{{padding-right:0!important}}
a{{color:var(--blue);text-decoration:none}}a:hover{{text-decoration:underline}}
.tag{{font-weight:600;font-size:12.5px}}.tag.p0{{color:var(--p0)}}.tag.p1{{color:var(--p1)}}.tag.p2{{color:var(--p2)}}
.tag.p3{{color:var(--grey)}}
.ledger{{display:grid;grid-template-columns:minmax(120px,auto) 1fr auto auto;gap:9px 16px;align-items:center;
font-size:13.5px}}
.ledger i{{display:block;height:12px;border-radius:2px;background:var(--band)}}
.ledger i.rest{{background:var(--faint)}}
.ledger span:nth-child(4n){{color:var(--grey);text-align:right}}.ledger span:nth-child(4n-1){{text-align:right}}
.chart{{break-inside:avoid}}.quiet{{color:var(--grey)}}
footer{{margin-top:56px;color:var(--grey);font-size:12.5px}}
@media(max-width:720px){{body{{padding:24px 18px}}.figures{{grid-template-columns:1fr 1fr}}
.panels{{grid-template-columns:1fr}}}}
@media print{{body{{max-width:none;padding:0;font-size:12px}}
section+section,.overview+section{{break-before:page;border:0}}
h2{{break-after:avoid}}tr{{break-inside:avoid}}.figure{{border:1px solid var(--faint)}}}}
"""
