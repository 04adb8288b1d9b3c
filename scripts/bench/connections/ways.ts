/** How instances are asked, and what they say of themselves. */
export interface Way {
  title: string;
  /** `probe.connections`. */
  connections: number;
  /** Whether each instance says that it is a single process. */
  named: boolean;
  /** Whether a forged token is shown before the cut-over, and a control token after it. */
  isChecked: boolean;
}

/** The default of `probe.connections`. */
export const defaultConnections = 8;

export const wayNames = ["old", "named", "unnamed"] as const;
export type WayName = (typeof wayNames)[number];

export const ways: Record<WayName, Way> = {
  old: { title: "old way", connections: 1, named: false, isChecked: false },
  named: { title: "names itself", connections: defaultConnections, named: true, isChecked: true },
  unnamed: {
    title: `does not, over ${defaultConnections} connections`,
    connections: defaultConnections,
    named: false,
    isChecked: true,
  },
};
