import type { Step, StepOp } from "../deploy/steps.ts";

interface Words {
  readonly sign: string;
  readonly doing: string;
  readonly done: string;
  /** In the summary. */
  readonly counted: string;
}

const WORDS: Record<StepOp, Words> = {
  same: { sign: " ", doing: "checking", done: "unchanged", counted: "unchanged" },
  create: { sign: "+", doing: "creating", done: "created", counted: "created" },
  update: { sign: "~", doing: "updating", done: "updated", counted: "updated" },
  replace: { sign: "+-", doing: "replacing", done: "replaced", counted: "replaced" },
  "create-replacement": {
    sign: "++",
    doing: "creating replacement",
    done: "created replacement",
    counted: "",
  },
  delete: { sign: "-", doing: "deleting", done: "deleted", counted: "deleted" },
  "delete-replaced": { sign: "--", doing: "deleting original", done: "deleted original", counted: "" },
  "remove-pending-replace": { sign: "--", doing: "completing deletion", done: "deleted", counted: "deleted" },
  refresh: { sign: "~", doing: "refreshing", done: "refreshed", counted: "refreshed" },
};

/** The operation that counts for the user: a refresh is what it found. */
export function resultOp({ op, found }: Step): StepOp {
  return op === "refresh" ? (found ?? "same") : op;
}

export function signOf(step: Step): string {
  return WORDS[resultOp(step)].sign.padEnd(2);
}

export function doingWord(step: Step): string {
  return WORDS[step.op].doing;
}

export function doneWord(step: Step): string {
  if (step.op !== "refresh") return WORDS[step.op].done;
  return step.found === "same"
    ? "refreshed"
    : `refreshed: ${step.found}d in the world`.replace("deleted in the world", "gone");
}

/** The word of the summary; empty for steps that are part of another. */
export function countedWord(op: StepOp): string {
  return WORDS[op].counted;
}
