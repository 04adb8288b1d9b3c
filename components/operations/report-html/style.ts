/** The page's only style. Its colours have a contrast of 4.5 to 1 or more on their ground, light and dark. */
export const style = `
:root { color-scheme: light dark; --ground: #ffffff; --text: #1b1f24; --soft: #57606a; --line: #d0d7de; --panel: #f6f8fa;
  --good: #116329; --bad: #a40e26; --window: #fde7c3; --bar: #0550ae; --refresh: #6639ba; --restart: #8a4600; }
@media (prefers-color-scheme: dark) { :root { --ground: #0d1117; --text: #e6edf3; --soft: #9da7b3; --line: #3d444d; --panel: #161b22;
  --good: #56d364; --bad: #ff7b72; --window: #4a3516; --bar: #79c0ff; --refresh: #d2a8ff; --restart: #ffa657; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 80rem; padding: 1.5rem; background: var(--ground); color: var(--text);
  font: 1rem/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; margin: 0 0 .5rem; } h2 { font-size: 1.2rem; margin: 2rem 0 .5rem; }
.outcome { display: inline-block; padding: .1rem .8rem; border: .2rem solid; border-radius: .4rem; font-weight: 700; }
.good { color: var(--good); } .bad { color: var(--bad); font-weight: 700; } svg .bad { fill: var(--bad); }
.unproven-box { border-left: .4rem solid var(--bad); background: var(--panel); padding: .5rem 1rem; margin: 1rem 0; }
.unproven-box h2 { color: var(--bad); margin: 0; }
table { border-collapse: collapse; width: 100%; font-size: .875rem; } th, td { text-align: left; vertical-align: top; padding: .3rem .6rem;
  border-bottom: 1px solid var(--line); overflow-wrap: anywhere; } thead th { background: var(--panel); } td { min-width: 5rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; margin: 1rem 0; } dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
.name { font-family: ui-monospace, monospace; } .scroll { overflow-x: auto; } figure { margin: 0; } figcaption { color: var(--soft); font-size: .875rem; }
svg { max-width: 100%; height: auto; } svg text { fill: var(--text); font: 12px system-ui, sans-serif; } svg .tick { fill: var(--soft); }
.lane { stroke: var(--line); } .window { fill: var(--window); } .phase { fill: var(--bar); } .phase.failed { fill: var(--bad); } .phase.skipped { fill: var(--soft); }
rect.refresh { fill: var(--refresh); } rect.restart { fill: var(--restart); } rect.failed { fill: var(--bad); } .proof { fill: var(--good); }
.key { display: inline-block; width: .8rem; height: .8rem; margin-left: .8rem; border-radius: .1rem; } .key.refresh { background: var(--refresh); }
.key.restart { background: var(--restart); } .key.proof { background: var(--good); border-radius: 50%; } .key.unproven { background: var(--bad); }
.controls { display: flex; flex-wrap: wrap; gap: 1rem; margin: .5rem 0; } .controls[hidden] { display: none; } input[type=search] { font: inherit; padding: .2rem .4rem; }
th button { all: unset; cursor: pointer; font-weight: 700; } th button::after { content: " ↕"; color: var(--soft); }
th[aria-sort=ascending] button::after { content: " ↑"; } th[aria-sort=descending] button::after { content: " ↓"; }
:focus-visible { outline: .2rem solid var(--bar); outline-offset: .1rem; }
footer { margin-top: 2rem; color: var(--soft); font-size: .875rem; }
@media print { :root { color-scheme: light; --ground: #fff; --text: #000; --soft: #444; --line: #999; --panel: #eee; --good: #116329; --bad: #a40e26;
  --window: #fde7c3; --bar: #0550ae; --refresh: #6639ba; --restart: #8a4600; } body { max-width: none; padding: 0; font-size: 9pt; }
  .controls { display: none; } tr[hidden] { display: table-row; } th button::after { content: ""; } .scroll { overflow: visible; } tr, figure { break-inside: avoid; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
`;
