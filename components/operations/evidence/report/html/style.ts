import { partsStyle } from "./parts-style.ts";

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
:focus-visible { outline: .2rem solid var(--phase); outline-offset: .1rem; }
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
export const style = [colours, text, partsStyle, print].join("");
