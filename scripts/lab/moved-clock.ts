const OFFSET_VARIABLE = "LAB_CLOCK_OFFSET_MS";

/**
 * The environment that moves the wall clock of a Node process and of its Node descendants. For drills and tests only:
 * the program itself has no setting for its clock. `performance.now`, timers and other processes keep theirs, also Go
 * programs such as the Pulumi CLI. A worker thread with an `execArgv` of its own keeps the real clock.
 *
 * @param offsetMs whole milliseconds from the real clock, even if this process's clock is moved; negative is the past
 * @throws RangeError if it is not a whole number
 */
export function movedClockEnv(offsetMs: number): Record<string, string> {
  const preload = `--import=${import.meta.url}`;
  const options = (process.env.NODE_OPTIONS ?? "").split(" ").filter((option) => option !== "");
  if (!options.includes(preload)) options.push(preload);
  return { NODE_OPTIONS: options.join(" "), [OFFSET_VARIABLE]: String(wholeMilliseconds(offsetMs)) };
}

function wholeMilliseconds(offset: number | string): number {
  const offsetMs = Number(offset);
  if (Number.isSafeInteger(offsetMs)) return offsetMs;
  throw new RangeError(`${OFFSET_VARIABLE} must be whole milliseconds, not ${JSON.stringify(offset)}`);
}

// A proxy and not a subclass: dates that Node itself makes, such as a file's mtime, stay instances of it.
function moveClock(offsetMs: number): void {
  const RealDate = Date;
  const realNow = Date.now;
  const now = () => realNow() + offsetMs;
  const Moved = new Proxy(RealDate, {
    apply: () => new RealDate(now()).toString(),
    construct: (target, args, newTarget) =>
      Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget),
  });
  RealDate.now = now;
  RealDate.prototype.constructor = Moved;
  globalThis.Date = Moved;
}

// Preloaded by NODE_OPTIONS. Imported for `movedClockEnv`, it leaves the clock as it is: the variable is absent.
const given = process.env[OFFSET_VARIABLE];
if (given !== undefined && given !== "") moveClock(wholeMilliseconds(given));
