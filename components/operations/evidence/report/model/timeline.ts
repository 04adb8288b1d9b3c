/** The run as a picture; a time is in milliseconds of the epoch. */
export interface Timeline {
  from: number;
  to: number;
  title: string;
  window?: TimelineWindow;
  phases: readonly Lane[];
  /** Workloads that were restarted: their instances before and after are different ones. */
  workloads: readonly Lane[];
  instances:
    | { kind: "lanes"; lanes: readonly Lane[] }
    | { kind: "strips"; strips: readonly Strip[]; unproven?: string };
}

/** The exposure window; to the end of the picture where it is open. */
export interface TimelineWindow {
  from: number;
  to: number;
  isOpen: boolean;
  text: string;
}

/** What happened to one phase, workload or instance. */
export interface Lane {
  name: string;
  bars: readonly Bar[];
  /** Where the process started after the cut-over. */
  start?: Mark;
  proof?: Mark;
  /** Why it is not proven. */
  unproven?: string;
}

export interface Bar {
  kind: "phase" | "refresh" | "restart";
  outcome: string;
  from: number;
  to: number;
  hint: string;
}

export interface Mark {
  at: number;
  hint: string;
}

/** When something happened to how many instances. */
export interface Strip {
  kind: "refresh" | "restart" | "proof";
  isFailed: boolean;
  /** What happened, to be read after a number. */
  name: string;
  times: readonly number[];
}
