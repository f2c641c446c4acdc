// The style sheet of reports: light or dark as the reader's system is, for narrow and wide screens and for
// paper.

export const reportStyle = `
:root { color-scheme: light dark;
  --paper: #ffffff; --ink: #1c2530; --soft: #5d6b7a; --line: #d9dfe6; --wash: #f4f6f8;
  --x: #2563c9; --y: #c2570c; --good: #1f7a4d; --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root {
  --paper: #12171d; --ink: #e4e9ef; --soft: #9aa7b5; --line: #2d3742; --wash: #1a2129;
  --x: #74a7ff; --y: #ff9d5c; --good: #5fcf95; --bad: #ff857b; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 28px 20px 48px; }
h1 { font-size: 26px; line-height: 1.2; margin: 0 0 6px; overflow-wrap: anywhere; }
h2 { font-size: 19px; margin: 40px 0 12px; padding-bottom: 6px; border-bottom: 1px solid var(--line); }
h3 { font-size: 15px; margin: 22px 0 6px; }
p { margin: 6px 0; overflow-wrap: anywhere; }
.note, .by { color: var(--soft); font-size: 13px; font-weight: 400; }
.kicker { color: var(--soft); margin: 0 0 4px; }
.x { color: var(--x); } .y { color: var(--y); }
.outcome { border-left: 5px solid var(--soft); background: var(--wash); padding: 10px 14px; margin: 16px 0; border-radius: 0 6px 6px 0; }
.outcome strong { font-size: 17px; }
.outcome.good { border-color: var(--good); } .outcome.good strong { color: var(--good); }
.outcome.bad { border-color: var(--bad); } .outcome.bad strong { color: var(--bad); }
dl.facts { display: grid; grid-template-columns: repeat(auto-fill, minmax(200px, 1fr)); gap: 12px 20px; margin: 16px 0; }
dl.facts dt { color: var(--soft); font-size: 13px; }
dl.facts dd { margin: 0; overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
figure.chart { margin: 0 0 22px; break-inside: avoid; }
figcaption { display: flex; flex-wrap: wrap; gap: 2px 16px; align-items: baseline; margin-bottom: 8px; font-size: 14px; }
.legend { color: var(--soft); font-size: 13px; white-space: nowrap; }
.legend svg { width: 24px; height: 8px; margin-right: 5px; vertical-align: middle; }
.plot { display: grid; grid-template-columns: 56px minmax(0, 1fr); row-gap: 4px; }
.plot > svg { width: 100%; height: 140px; display: block; overflow: visible; }
.y-axis { position: relative; font-size: 12px; color: var(--soft); font-variant-numeric: tabular-nums; }
.y-axis span { position: absolute; right: 8px; transform: translateY(50%); white-space: nowrap; line-height: 1; }
.x-axis { grid-column: 2; position: relative; height: 18px; font-size: 12px; color: var(--soft); font-variant-numeric: tabular-nums; }
.x-axis span { position: absolute; transform: translateX(-50%); white-space: nowrap; }
.x-axis .first { transform: none; } .x-axis .last { transform: translateX(-100%); }
svg line, svg path { vector-effect: non-scaling-stroke; fill: none; }
.grid { stroke: var(--line); stroke-width: 1; }
.mark { stroke-width: 1; stroke-dasharray: 2 3; stroke: var(--soft); opacity: .7; }
.mark.good { stroke: var(--good); } .mark.bad { stroke: var(--bad); opacity: 1; }
.bar { stroke: var(--ink); stroke-width: 1; stroke-dasharray: 6 4; opacity: .6; }
.line { stroke: var(--soft); stroke-width: 1.75; stroke-linejoin: round; stroke-linecap: round; }
.line.x { stroke: var(--x); } .line.y { stroke: var(--y); }
.line.good { stroke: var(--good); } .line.bad { stroke: var(--bad); }
.line.dashed { stroke-dasharray: 4 4; stroke-width: 1.25; }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
th, td { text-align: left; vertical-align: top; padding: 5px 12px 5px 0; border-bottom: 1px solid var(--line); }
thead th { color: var(--soft); font-weight: 500; font-size: 13px; white-space: nowrap; }
td { font-variant-numeric: tabular-nums; }
.numbers td, .samples td { white-space: nowrap; }
.scroll { overflow-x: auto; }
.timeline .id, .timeline .time, .timeline .after { color: var(--soft); white-space: nowrap; }
.timeline .what { font-weight: 600; white-space: nowrap; }
.timeline .why { overflow-wrap: anywhere; width: 45%; }
tr.good .what, article.good h3, .signals .good strong { color: var(--good); }
tr.bad .what, article.bad h3, .signals .bad strong { color: var(--bad); }
.move { color: var(--soft); white-space: nowrap; }
article { margin: 0 0 18px; break-inside: avoid; }
article h3 { margin-bottom: 2px; }
details { margin: 6px 0; } summary { cursor: pointer; color: var(--soft); font-size: 13px; }
.signals { padding-left: 18px; } .signals li { margin: 4px 0; }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(280px, 1fr)); gap: 8px 40px; align-items: start; }
caption { text-align: left; font-weight: 600; padding: 4px 0; }
.settings th { font-weight: 400; color: var(--soft); width: 50%; }
code, pre { font: 12.5px/1.45 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
pre { background: var(--wash); padding: 12px; border-radius: 6px; overflow-x: auto; white-space: pre-wrap; overflow-wrap: anywhere; }
footer { margin-top: 44px; padding-top: 12px; border-top: 1px solid var(--line); color: var(--soft); font-size: 13px; }
footer code { overflow-wrap: anywhere; }
@media (max-width: 640px) {
  main { padding: 18px 14px 36px; } h1 { font-size: 22px; }
  .plot { grid-template-columns: 46px minmax(0, 1fr); } .plot > svg { height: 120px; }
  .x-axis .middle:nth-child(even) { display: none; }
  dl.facts { grid-template-columns: repeat(auto-fill, minmax(150px, 1fr)); }
  .wrap td { white-space: normal; }
  .timeline, .timeline tbody { display: block; }
  .timeline thead { display: none; }
  .timeline tr { display: flex; flex-wrap: wrap; padding: 8px 0; border-bottom: 1px solid var(--line); }
  .timeline td { display: block; border: 0; padding: 0 8px 0 0; white-space: normal; }
  .timeline .what { white-space: normal; } .timeline .why { flex-basis: 100%; }
  .timeline .after:not(:empty)::before { content: "+"; }
}
@media print {
  :root { --paper: #fff; --ink: #000; --soft: #444; --line: #bbb; --wash: #f2f2f2; --x: #2563c9; --y: #c2570c; --good: #1f7a4d; --bad: #b3261e; }
  body { font-size: 11pt; } main { max-width: none; padding: 0; }
  .scroll { overflow: visible; } .numbers td, .samples td { white-space: normal; }
  details::details-content { content-visibility: visible; block-size: auto; }
  h2, h3 { break-after: avoid; } tr { break-inside: avoid; } * { print-color-adjust: exact; }
}
`;
