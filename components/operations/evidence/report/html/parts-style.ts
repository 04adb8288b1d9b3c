/** Good and bad differ by a drawn shape too: a font may lack the signs for it. */
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

/** How the timeline is drawn. */
const picture = `
figure { margin: 0 0 1rem; }
figure .scroll > svg { display: block; width: 100%; min-width: 40rem; max-width: 75rem; height: auto; }
figcaption { color: var(--soft); font-size: .875rem; }
svg text { fill: var(--text); font: 12px system-ui, sans-serif; }
svg .tick { fill: var(--soft); }
svg .bad-text { fill: var(--bad); font-weight: 700; }
svg .window-text { fill: var(--window-line); font-weight: 700; }
.window { fill: var(--window); stroke: var(--window-line); }
.window.open { stroke: var(--bad); stroke-dasharray: 6 4; }
.lane { stroke: var(--line); }
.axis { stroke: var(--soft); }
.phase { fill: var(--phase); }
.phase.skipped { fill: none; stroke: var(--soft); stroke-dasharray: 3 2; }
rect.refresh { fill: var(--refresh); }
rect.restart { fill: var(--ground); stroke: var(--restart); stroke-width: 2; }
rect.failed { fill: var(--bad); stroke: var(--bad); }
.start { fill: var(--restart); }
.proof { fill: var(--good); }
.cross { fill: none; stroke: var(--bad); stroke-width: 3; }
.sign { display: inline-block; margin-right: .8rem; }
.sign svg { width: 1rem; height: 1rem; vertical-align: -.15rem; }
`;

/** The style of what a report consists of: verdicts, tables, the picture. */
export const partsStyle = [verdicts, tables, picture].join("");
