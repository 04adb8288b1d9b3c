import { pictureStyle } from "./picture-style.ts";

/** Colours that have a contrast of 4.5 to 1 or more on both grounds, light and dark. */
const colours = `
:root {
  color-scheme: light dark;
  --ground: #ffffff; --panel: #f6f8fa; --line: #d0d7de; --text: #1b1f24; --soft: #57606a;
  --good: #116329; --bad: #a40e26; --window: #fde7c3; --window-line: #9a6700;
  --phase: #0550ae; --refresh: #6639ba; --restart: #8a4600;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #0d1117; --panel: #161b22; --line: #3d444d; --text: #e6edf3; --soft: #9da7b3;
    --good: #56d364; --bad: #ff7b72; --window: #4a3516; --window-line: #e3b341;
    --phase: #79c0ff; --refresh: #d2a8ff; --restart: #ffa657;
  }
}
`;

const text = `
* { box-sizing: border-box; }
body {
  margin: 0 auto; max-width: 90rem; padding: 1.5rem;
  background: var(--ground); color: var(--text); font: 1rem/1.5 system-ui, sans-serif;
}
h1 { font-size: 1.6rem; margin: 0 0 .5rem; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin: 2rem 0 .5rem; }
code, .name { font-family: ui-monospace, monospace; }
time { white-space: nowrap; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; margin: 1rem 0; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
footer { margin-top: 2rem; color: var(--soft); font-size: .875rem; }
:focus-visible { outline: .2rem solid var(--phase); outline-offset: .1rem; }
`;

/** Good and bad are told by a drawn shape too: a font may lack the signs for it. */
const verdicts = `
.good { color: var(--good); }
.bad { color: var(--bad); font-weight: 700; }
.good::before, .bad::before {
  content: ""; display: inline-block; width: .75em; height: .75em; margin-right: .35em; background: currentColor;
}
.good::before { clip-path: polygon(14% 44%, 0 62%, 38% 100%, 100% 18%, 84% 4%, 36% 66%); }
.bad::before {
  clip-path: polygon(20% 0, 50% 30%, 80% 0, 100% 20%, 70% 50%, 100% 80%, 80% 100%, 50% 70%, 20% 100%, 0 80%, 30% 50%, 0 20%);
}
.outcome { display: inline-block; padding: .1rem .8rem; border: .2rem solid; font-weight: 700; }
.outcome.good { border-radius: 2rem; }
.outcome.bad { border-style: double; border-width: .4rem; }
.unproven-box { border-left: .4rem solid var(--bad); background: var(--panel); padding: .5rem 1rem; margin: 1rem 0; }
.unproven-box h2 { margin: 0; }
.unproven-box h2, .unproven-box li, .failures { color: var(--bad); overflow-wrap: anywhere; }
`;

const tables = `
.scroll { overflow-x: auto; margin: .5rem 0; }
table { border-collapse: collapse; width: 100%; font-size: .875rem; }
th, td {
  text-align: left; vertical-align: top; padding: .3rem .6rem; border-bottom: 1px solid var(--line);
  overflow-wrap: break-word; max-width: 30rem;
}
thead th { background: var(--panel); }
tbody tr:hover { background: var(--panel); }
th button { all: unset; cursor: pointer; font-weight: 700; }
th button:focus-visible { outline: .2rem solid var(--phase); outline-offset: .1rem; }
th[aria-sort] button::after {
  content: ""; display: inline-block; width: .6em; height: .5em; margin-left: .35em; background: currentColor;
}
th[aria-sort=ascending] button::after { clip-path: polygon(50% 0, 100% 100%, 0 100%); }
th[aria-sort=descending] button::after { clip-path: polygon(0 0, 100% 0, 50% 100%); }
.controls { display: flex; flex-wrap: wrap; gap: 1rem; margin: .5rem 0; }
.controls[hidden] { display: none; }
input[type=search] { font: inherit; padding: .2rem .4rem; }
`;

/** On paper: light, every row, no controls. */
const print = `
@media print {
  :root {
    color-scheme: light;
    --ground: #ffffff; --panel: #f6f8fa; --line: #999999; --text: #000000; --soft: #444444;
    --good: #116329; --bad: #a40e26; --window: #fde7c3; --window-line: #9a6700;
    --phase: #0550ae; --refresh: #6639ba; --restart: #8a4600;
  }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  html { font-size: 9pt; }
  body { max-width: none; padding: 0; }
  table { font-size: 7pt; }
  th, td { padding: .1rem .3rem; overflow-wrap: anywhere; }
  time { white-space: normal; }
  tr[hidden] { display: table-row; }
  tr, figure { break-inside: avoid; }
  h2 { break-after: avoid; }
  .controls { display: none; }
  .scroll { overflow: visible; }
}
`;

/** The page's only style. */
export const style = [colours, text, verdicts, tables, pictureStyle, print].join("");
