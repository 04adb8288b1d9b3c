import { type NodeChild, startNode } from "../child-process.ts";
import { EngineError } from "../engine-error.ts";
import { sdkModule } from "../proto.ts";
import { DynamicProvider } from "./dynamic.ts";

export interface DynamicProcessOptions {
  readonly cwd: string;
  readonly project: string;
  readonly engineAddress: string;
  onLine(stream: "stdout" | "stderr", line: string): void;
}

export interface DynamicProcess {
  readonly provider: DynamicProvider;
  readonly child: NodeChild;
}

/** Starts the SDK's provider process. Its first line on stdout is the port; all others are for the user. */
export async function startDynamicProcess(options: DynamicProcessOptions): Promise<DynamicProcess> {
  const { cwd, project, engineAddress } = options;
  const port = Promise.withResolvers<number>();
  let announced = false;
  const child = startNode({
    script: sdkModule("cmd/dynamic-provider"),
    args: [engineAddress],
    cwd,
    env: { PULUMI_NODEJS_PROJECT: project, PULUMI_PROJECT: project },
    onLine: (stream, line) => {
      if (announced || stream === "stderr") return options.onLine(stream, line);
      announced = true;
      port.resolve(Number(line));
    },
  });
  void child.exited.then(() =>
    port.reject(new EngineError("the dynamic provider process ended before it was ready")),
  );
  return { provider: new DynamicProvider(await port.promise), child };
}
