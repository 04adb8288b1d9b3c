import type { UndoGuard } from "#operations/doctor/undo-guard";

const signals = ["SIGINT", "SIGTERM"] as const;

/**
 * On the first signal, what was put on instances is taken back, then the process ends; a second one does not wait.
 *
 * @param exitCode of the process then
 */
export function stopOnSignal(guard: UndoGuard, exitCode: number): void {
  const stop = async () => {
    if (guard.isStopping) {
      console.error(
        "ended at once: an instance may still be frozen, or have a dead session on its deny-list",
      );
      process.exit(exitCode);
    }
    if (guard.isBusy) console.error("interrupted: taking back what was put on the instances");
    await guard.stop();
    process.exit(exitCode);
  };
  for (const signal of signals) process.on(signal, stop);
}
