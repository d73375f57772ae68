"""The page's looks: light, dark and on paper. System fonts, one accent, numbers aligned."""

CSS = """
:root {
  color-scheme: light dark;
  --paper: #ffffff; --panel: #f7f7f5; --ink: #1d1d1f; --soft: #6a6a70; --line: #e4e4e0;
  --accent: #b4472f; --tint: 180 71 47; --most: 0.5;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #161618; --panel: #1f1f22; --ink: #ececee; --soft: #9c9ca4; --line: #333338;
    --accent: #f0876d; --tint: 226 104 76; --most: 0.62;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scroll-behavior: smooth; }
body {
  margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
  font-variant-numeric: tabular-nums;
}
main, header, footer { max-width: 1120px; margin: 0 auto; padding: 0 32px; }
header { padding-top: 72px; }
section { margin-top: 88px; }
h1 { font-size: 44px; line-height: 1.1; letter-spacing: -0.022em; font-weight: 650; margin: 0; }
h2 { font-size: 26px; line-height: 1.2; letter-spacing: -0.014em; font-weight: 620; margin: 0; }
h3 { font-size: 15px; font-weight: 620; margin: 0 0 4px; color: var(--ink); }
p { margin: 8px 0 0; max-width: 68ch; }
.after { margin-top: 24px; }
.soft, figcaption, .subtitle { color: var(--soft); }
.subtitle { font-size: 19px; margin-top: 12px; }
.small { font-size: 14px; }
a { color: inherit; text-decoration-color: var(--line); text-underline-offset: 4px; }
a:hover { text-decoration-color: var(--accent); }
nav { margin-top: 28px; display: flex; flex-wrap: wrap; gap: 6px 22px; font-size: 14px; }
.mark {
  margin-top: 28px; padding: 14px 18px; border-left: 3px solid var(--accent);
  background: var(--panel); max-width: none;
}
.numbers {
  display: grid; grid-template-columns: repeat(auto-fit, minmax(145px, 1fr)); gap: 28px;
  margin-top: 44px;
}
.number b {
  display: block; font-size: 38px; line-height: 1.15; font-weight: 620; letter-spacing: -0.02em;
  white-space: nowrap;
}
.number:first-child b { color: var(--accent); }
.number span { color: var(--soft); font-size: 14px; }
dl {
  display: grid; grid-template-columns: repeat(auto-fill, minmax(min(240px, 45%), 1fr));
  gap: 18px 32px; margin: 44px 0 0; padding-top: 28px; border-top: 1px solid var(--line);
}
dt { color: var(--soft); font-size: 13px; }
dd { margin: 1px 0 0; overflow-wrap: anywhere; }
.charts {
  display: grid; grid-template-columns: repeat(auto-fit, minmax(min(320px, 100%), 1fr));
  gap: 36px 40px; margin-top: 32px; align-items: start;
}
figure { margin: 0; }
figcaption { font-size: 14px; line-height: 1.45; }
.chart { display: block; width: 100%; height: auto; margin-top: 12px; overflow: visible; }
.chart text { font-size: 11px; fill: var(--soft); }
.chart .name { font-size: 11px; }
.chart .strong { fill: var(--accent); font-weight: 620; }
.grid { stroke: var(--line); stroke-width: 1; }
.base { stroke: var(--soft); stroke-width: 1; }
.ideal { stroke: var(--soft); stroke-width: 1; stroke-dasharray: 3 4; fill: none; }
.curve { fill: none; stroke: var(--soft); stroke-width: 1.25; stroke-linejoin: round; }
.curve.strong { fill: none; stroke: var(--accent); stroke-width: 2.25; }
.dot { fill: var(--soft); } .dot.strong { fill: var(--accent); }
.bar { fill: var(--accent); opacity: 0.85; } .bar.pale { fill: var(--soft); opacity: 0.4; }
.scroll { overflow-x: auto; margin-top: 28px; }
table { border-collapse: collapse; font-size: 14px; }
.wide { width: 100%; }
th { font-weight: 500; text-align: left; white-space: nowrap; }
thead th { color: var(--soft); font-size: 13px; vertical-align: bottom; padding-bottom: 8px; }
td, th { padding: 5px 12px; border-bottom: 1px solid var(--line); }
td, th.n { text-align: right; white-space: nowrap; }
tr > :first-child { padding-left: 0; padding-right: 20px; }
td.text { text-align: left; white-space: normal; overflow-wrap: anywhere; }
td.heat { background: rgb(var(--tint) / calc(var(--heat) * var(--most))); }
td.none { color: var(--soft); opacity: 0.55; }
tr.all > *, .all { font-weight: 640; }
tr.all > * { border-bottom: 0; border-top: 2px solid var(--line); }
th.side, td.side { border-left: 2px solid var(--line); }
.cards {
  display: grid; grid-template-columns: repeat(auto-fill, minmax(min(310px, 100%), 1fr));
  gap: 32px 24px; margin-top: 24px;
}
.card svg { display: block; width: 100%; height: auto; border-radius: 6px; }
.card .back { fill: var(--panel); }
.card figcaption { margin-top: 8px; }
.card b { color: var(--ink); font-size: 17px; font-weight: 620; }
.card .file { display: block; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.bone { stroke-width: 1.8; stroke-linecap: round; }
.under { stroke: #15171c; stroke-width: 3.4; stroke-linecap: round; opacity: 0.8; }
.miss { stroke: #ff2d2d; stroke-width: 1.8; stroke-linecap: round; }
.point:not(.hollow) { stroke: #15171c; stroke-width: 1; } .hollow { stroke-width: 2; }
pre {
  margin: 6px 0 0; padding: 14px 18px; background: var(--panel); border-radius: 6px;
  font: 13px/1.6 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace;
  white-space: pre-wrap; overflow-wrap: anywhere;
}
.step { margin-top: 24px; }
details { margin-top: 16px; } summary { cursor: pointer; }
footer { margin-top: 96px; padding-bottom: 64px; color: var(--soft); font-size: 14px; }
@media (max-width: 640px) {
  main, header, footer { padding-left: 18px; padding-right: 18px; }
  header { padding-top: 40px; }
  section { margin-top: 64px; }
  h1 { font-size: 32px; } h2 { font-size: 22px; }
  .number b { font-size: 30px; }
  .numbers { grid-template-columns: repeat(auto-fit, minmax(135px, 1fr)); gap: 20px; }
  td, th { padding: 5px; }
  tr > :first-child { padding-right: 8px; }
  table { font-size: 12px; } thead th { font-size: 11px; }
  dl { gap: 14px 20px; }
}
@media print {
  :root {
    color-scheme: light;
    --paper: #fff; --panel: #f7f7f5; --ink: #000; --soft: #555; --line: #ddd;
    --accent: #b4472f; --tint: 180 71 47; --most: 0.5;
  }
  body { font-size: 11pt; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  nav { display: none; }
  section { margin-top: 40px; }
  figure, tr, .card, .step, .mark { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
  .scroll { overflow: visible; }
  dl { grid-template-columns: repeat(auto-fill, minmax(150px, 1fr)); }
  dl > div { break-inside: avoid; }
  table { font-size: 9pt; } td, th { padding: 3px 6px; }
  .charts { grid-template-columns: repeat(auto-fit, minmax(200px, 1fr)); gap: 24px; }
  main, header, footer { max-width: none; padding: 0; }
}
"""
