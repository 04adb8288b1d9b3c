/** How the timeline is drawn. */
export const pictureStyle = `
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
