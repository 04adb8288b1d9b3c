import { fileURLToPath } from "node:url";
import {
  type Command,
  type Program,
  pythonBuild,
  pythonNeeds,
  type StartedProgram,
  startProgram,
} from "./program.ts";

/** One of the servers in docs/examples, and how it is built and run, as its team would. */
export interface Example extends Pick<Program, "needs" | "build" | "start"> {
  readonly language: "typescript" | "go" | "java" | "python" | "python-workers";
}

/** Servers that implement the whole contract. */
export const examples: readonly Example[] = [
  // Needs no build; where it is, it finds the jose that this project has.
  { language: "typescript", needs: [], build: [], start: [process.execPath, "server.ts"] },
  {
    language: "go",
    needs: [["go", "version"]],
    build: [["go", "build", "-o", "api", "."]],
    start: ["./api"],
  },
  {
    language: "java",
    needs: [
      ["java", "-version"],
      ["mvn", "-v"],
    ],
    build: [["mvn", "-q", "-B", "compile", "dependency:copy-dependencies"]],
    start: ["java", "-XX:TieredStopAtLevel=1", "-cp", "target/classes:target/dependency/*", "Api"],
  },
  { language: "python", needs: pythonNeeds, build: pythonBuild, start: ["python3", "server.py"] },
];

/** How servers of several processes are started: four workers at one port. */
export const preforking: Readonly<Record<string, Example>> = {
  "node:cluster": { language: "typescript", needs: [], build: [], start: [process.execPath, "cluster.ts"] },
  "gunicorn, sync workers": gunicorn(),
  "gunicorn, gthread workers": gunicorn("--threads", "4"),
  "gunicorn --preload": gunicorn("--preload"),
  "uvicorn workers": pythonWorkers("uvicorn", "api:asgi", "--port", "0"),
};

function gunicorn(...more: string[]): Example {
  return pythonWorkers("gunicorn", "api:wsgi", "--bind", "127.0.0.1:0", "--no-control-socket", ...more);
}

function pythonWorkers(...args: string[]): Example {
  const start: Command = ["python3", "-m", ...args];
  return { language: "python-workers", needs: pythonNeeds, build: pythonBuild, start };
}

export function sourceDir(language: Example["language"]): string {
  return fileURLToPath(new URL(`../../docs/examples/${language}/`, import.meta.url));
}

/** Starts an example at a port of the machine's choice, and waits until it listens. */
export async function startExample(
  { language, ...how }: Example,
  env: Readonly<Record<string, string>>,
): Promise<StartedProgram> {
  return startProgram({ name: language, source: sourceDir(language), ...how }, env);
}
