import { ApiException } from "@kubernetes/client-node";
import { RotationError } from "../../base/errors.ts";

/** What the API server was asked to do, in the words of RBAC: a verb and a resource, e.g. `list` `pods`. */
export interface Action {
  verb: "list" | "watch" | "get" | "create" | "patch";
  resource: string;
  namespace?: string;
  name?: string;
}

/** The HTTP status of a refusal; undefined if there was no answer. */
export function statusOf(error: unknown): number | undefined {
  if (error instanceof ApiException) return error.code;
  // A refused WebSocket has the status only in its message.
  const inWords = /Unexpected server response: (\d+)/.exec(textOf(error))?.[1];
  if (inWords !== undefined) return Number(inWords);
  const { statusCode } = error as { statusCode?: unknown };
  return typeof statusCode === "number" ? statusCode : undefined;
}

/** Whether another call may succeed: there was no answer, or too many requests, or the server itself failed. */
export function isPassing(error: unknown): boolean {
  if (error instanceof RotationError) return false;
  const status = statusOf(error);
  return status === undefined || status === 429 || status >= 500;
}

/** What went wrong with a call, as an error with a code. Of the server's answer it holds only the status. */
export function clusterError(target: string, action: Action, error: unknown): RotationError {
  if (error instanceof RotationError) return error;
  const status = statusOf(error);
  const doing = describe(action);
  if (status === 401) {
    return new RotationError(
      "KUBERNETES_LOGIN_REFUSED",
      `target ${target}: the API server does not accept the kubeconfig's credentials (${doing})`,
      { nextStep: "renew them (log in again), then run the same up again" },
    );
  }
  if (status === 403) return forbidden(target, [action]);
  if (status !== undefined && status < 500 && status !== 429) {
    return new RotationError(
      "KUBERNETES_UNEXPECTED_ANSWER",
      `target ${target}: the API server answered HTTP ${status} to ${doing}`,
      { nextStep: "check the target's namespace, selector, port and workloads" },
    );
  }
  const why = status === undefined ? reasonOf(error) : `HTTP ${status}`;
  return new RotationError(
    "KUBERNETES_UNREACHABLE",
    `target ${target}: the API server gives no answer to ${doing} (${why})`,
    { nextStep: "check the cluster and the network to it, then run the same up again" },
  );
}

/** The error for missing rights: it names every verb. */
export function forbidden(target: string, actions: readonly Action[]): RotationError {
  return new RotationError(
    "KUBERNETES_FORBIDDEN",
    `target ${target}: the kubeconfig's user may not ${actions.map(describe).join(", may not ")}`,
    { nextStep: "grant it, as docs/kubernetes-rbac.yaml does, then run the same up again" },
  );
}

function describe({ verb, resource, namespace, name }: Action): string {
  return `${verb} ${resource}${name ? ` ${name}` : ""}${namespace ? ` in namespace ${namespace}` : ""}`;
}

function textOf(error: unknown): string {
  const { message } = error as { message?: unknown };
  return typeof message === "string" ? message : "";
}

function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const inner = cause instanceof AggregateError ? cause.errors[0] : cause;
  const { code } = inner as { code?: unknown };
  if (typeof code === "string") return code;
  return /^no answer within/.test(textOf(error)) ? textOf(error) : "connection failed";
}
