import type { Instance } from "#operations/fleet/instances";
import { bareUndici, tokensToProbe } from "./contenders.ts";
import { curl, hasCurl } from "./curl.ts";
import type { Workload } from "./workload.ts";

/** One instance after another, one request after another: the runbook by hand. */
export interface Sequential {
  /** What sends the requests. */
  tool: "curl" | "undici";
  ms: number;
  /** True where `ms` is reckoned from a smaller number of instances. */
  extrapolated: boolean;
}

/** A person with a loop in a shell; more than that takes minutes, and each takes as long as the one before. */
const mostInstances = 100;

/** Measures up to 100 instances, and reckons the rest. Uses curl where it is on PATH, else undici without concurrency. */
export async function measureSequential(urls: readonly string[], workload: Workload): Promise<Sequential> {
  const tool = hasCurl() ? "curl" : "undici";
  const instances = urls.slice(0, mostInstances).map((url) => ({ name: url, url }));
  const start = performance.now();
  if (tool === "undici") await bareUndici(instances, { ...workload, concurrency: 1 });
  else for (const instance of instances) await curlInstance(instance, workload);
  const ms = ((performance.now() - start) / instances.length) * urls.length;
  return { tool, ms, extrapolated: instances.length < urls.length };
}

async function curlInstance({ url }: Instance, { questions }: Workload): Promise<void> {
  const {
    refresh,
    apiRefreshTokens: [apiRefreshToken = ""],
    probe,
  } = questions.fleet;
  await curl(["--request", "POST"], `${url}${refresh.path}`, apiRefreshToken, 200);
  await curl([], `${url}${probe.path}`, tokensToProbe(questions)[1]?.[0] ?? "", 401);
  for (const [token, status] of tokensToProbe(questions))
    await curl([], `${url}${probe.path}`, token, status);
}
