/** The style of a report's page, light or dark as the reader's system is. */
export const style = `
:root{color-scheme:light dark;--bg:#f6f7f9;--card:#fff;--text:#1b1f27;--soft:#5d6675;--line:#e3e6eb;--good:#1a7f4b;--bad:#c0362c;--warn:#9a6700;
--p50:#8fb8f6;--p90:#4a85e0;--p99:#173f8f;--max:#a2a9b5;--a:#2f6fd6;--b:#d1741a;--c:#1f8a6d;--d:#c0362c;--e:#8552c9;--measured:#2f6fd60d;--mark:#5d6675}
@media(prefers-color-scheme:dark){:root{--bg:#12151b;--card:#1a1e26;--text:#e6e9ef;--soft:#98a2b3;--line:#2a303b;--good:#4cc38a;--bad:#ff7b6e;--warn:#e3b341;
--p50:#3c68ad;--p90:#6fa4f2;--p99:#d3e4ff;--max:#6b7482;--a:#6fa4f2;--b:#f0a35e;--c:#4fc3a1;--d:#ff7b6e;--e:#b691ef;--measured:#6fa4f212;--mark:#98a2b3}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--text);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;font-variant-numeric:tabular-nums}
main{max-width:1340px;margin:0 auto;padding:28px 24px 60px}
h1{font-size:26px;line-height:1.2;margin:0 0 4px;letter-spacing:-.01em}
h2{font-size:17px;margin:34px 0 12px}
h3{font-size:15px;margin:0}
p{margin:0}
.soft,figcaption p,td.about{color:var(--soft);font-size:13.5px}
.verdict{margin:18px 0 0;padding:12px 16px;border-radius:8px;background:var(--card);border:1px solid var(--line);border-left:4px solid var(--good)}
.verdict.generator{border-left-color:var(--bad)}
.verdict ul{margin:6px 0 0;padding-left:20px;color:var(--warn)}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:12px;margin:16px 0}
.tile{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:12px 16px}
.tile b{display:block;font-size:25px;font-weight:600;line-height:1.25;letter-spacing:-.01em;white-space:nowrap}
.tile span{color:var(--soft);font-size:13px}
.tile.bad b{color:var(--bad)}
.charts{display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:14px}
.chart,.card{margin:0;background:var(--card);border:1px solid var(--line);border-radius:8px;padding:14px 16px}
.chart.wide{grid-column:1/-1}
.legend{display:flex;flex-wrap:wrap;gap:4px 16px;margin:6px 0 2px;font-size:13px}
.legend i{display:inline-block;width:11px;height:11px;border-radius:3px;margin-right:6px;vertical-align:-1px}
.plot{position:relative}
svg{display:block;width:100%;height:auto;overflow:visible}
.grid{stroke:var(--line)}
.axis{fill:var(--soft);font-size:12px}
.line{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}
.measured{fill:var(--measured)}
.cursor{stroke:var(--soft)}
.event line{stroke:var(--mark);stroke-dasharray:2 3}
.event circle{fill:var(--mark)}
.event text{fill:var(--card);font-size:11px;font-weight:600}
.event.kill line{stroke:var(--bad)}.event.kill circle{fill:var(--bad)}
.event.storm line{stroke:var(--b)}.event.storm circle{fill:var(--b)}
.tip{position:absolute;top:18px;pointer-events:none;background:var(--card);border:1px solid var(--line);border-radius:6px;padding:6px 10px;font-size:12.5px;box-shadow:0 4px 14px #0003;white-space:nowrap;z-index:2}
.tip i{display:inline-block;width:9px;height:9px;border-radius:2px;margin-right:6px}
.tip b{float:right;margin-left:14px}
.empty{color:var(--soft);padding:40px 0;text-align:center}
.tables{columns:2;column-gap:14px}
.tables .card{break-inside:avoid;margin-bottom:14px}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:14px}
th{font-weight:500;color:var(--soft);font-size:13px;text-align:right;padding:2px 0 6px 14px;white-space:nowrap}
td{padding:5px 0 5px 14px;border-top:1px solid var(--line);text-align:right;white-space:nowrap}
th:first-child,td:first-child{text-align:left;padding-left:0}
td.about{text-align:left;white-space:normal}
td.wrap{white-space:normal;text-align:left}
.pass{color:var(--good)}.fail{color:var(--bad);font-weight:600}
.num{display:inline-block;min-width:20px;padding:0 5px;border-radius:10px;background:var(--mark);color:var(--card);font-size:12px;font-weight:600;text-align:center}
.num.kill{background:var(--bad)}.num.storm{background:var(--b)}
pre{margin:10px 0 0;font-size:12.5px;overflow-x:auto}
summary{cursor:pointer}
@media(max-width:900px){.charts{grid-template-columns:minmax(0,1fr)}.tables{columns:1}main{padding:20px 14px 40px}}
@media print{body{background:#fff}.chart,.card,.tile{break-inside:avoid}}
`;
