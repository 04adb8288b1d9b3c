import { z } from "zod";
import { staticName } from "../fleet/instances.ts";
import type { Target } from "../fleet/targets.ts";
import { baseUrl, seconds } from "./value-shapes.ts";

const workload = z
  .string()
  .regex(
    /^(deployments?|deploy|statefulsets?|sts|daemonsets?|ds)\/[a-z0-9][a-z0-9.-]*$/,
    "is not deployment/NAME, statefulset/NAME or daemonset/NAME",
  );

const port = z.union(
  [z.int().min(1).max(65_535), z.string().regex(/^[a-z0-9]([a-z0-9-]{0,13}[a-z0-9])?$/)],
  "is neither a port number nor the name of a container port",
);

const connections = z
  .int()
  .min(1)
  .max(128)
  .optional()
  .describe("`probe.connections` for this target; 1 where it is known to be a single process");

/** Either a base URL, whose host is then the name, or both. */
export const staticInstance = z
  .strictObject({
    name: z.string().min(1).optional().describe("Name in messages and evidence. Default: the URL's host"),
    url: baseUrl.describe("Its own base URL, never a load balancer's"),
    connections,
  })
  .transform(({ name, ...rest }) => ({
    kind: "instance" as const,
    name: name ?? new URL(rest.url).host,
    ...rest,
  }));

const kubernetesTarget = z
  .strictObject({
    kubernetes: z.strictObject({
      name: z.string().min(1).optional().describe("Name of the target. Default: the namespace"),
      namespace: z.string("is missing: set it to the API's namespace").min(1),
      selector: z
        .string("is missing: set it to a label selector of the API's pods")
        .min(1)
        .describe("Label selector of the pods"),
      port: port.describe("Container port, by number or name"),
      scheme: z.enum(["http", "https"]).default("http"),
      serverName: z.string().min(1).optional().describe("Name in the pods' certificate, for `https`"),
      workloads: z
        .array(workload)
        .default([])
        .describe("Workloads that may be restarted, such as `deployment/shop-api`"),
      transport: z
        .enum(["port-forward", "pod-ip"])
        .default("port-forward")
        .describe("`port-forward`: through the API server. `pod-ip`: directly, from inside the cluster"),
      connections,
      readyTimeoutSeconds: seconds(60).describe("How long to wait for a pod that is not ready"),
      kubeconfig: z
        .string()
        .regex(/^[^\n{]+$/, "is not a path: contents belong in the secret kubernetes:kubeconfig")
        .optional()
        .describe(
          "Path of a kubeconfig. Default: `kubernetes:kubeconfig`, KUBECONFIG, or the pod's own account",
        ),
      context: z
        .string()
        .min(1)
        .optional()
        .describe("Context in the kubeconfig. Default: `kubernetes:context`"),
      secret: z
        .strictObject({
          name: z.string().min(1).describe("Secret that holds the API refresh token"),
          adopt: z.boolean().default(false).describe("Take over a Secret that exists already"),
        })
        .optional(),
    }),
  })
  .transform(({ kubernetes: { name, readyTimeoutSeconds, ...rest } }) => ({
    kind: "kubernetes" as const,
    name: name ?? rest.namespace,
    readyTimeoutMs: readyTimeoutSeconds * 1000,
    ...rest,
  }));

/** The shape of each kind of target that is not a URL, by the key that an entry has for it. A new kind is listed here. */
export const targetShapes = { kubernetes: { heading: "Pods", shape: kubernetesTarget } };

function targetShapeOf(given: unknown) {
  if (typeof given !== "object" || given === null) return undefined;
  return Object.entries(targetShapes).find(([key]) => key in given)?.[1].shape;
}

/** The keys of an entry say what it is meant to be, and so which problems it has. */
const entry = z.unknown().transform((given, context) => {
  const shape = targetShapeOf(given) ?? staticInstance;
  const parsed = shape.safeParse(typeof given === "string" ? { url: given } : given);
  if (parsed.success) return parsed.data;
  for (const issue of parsed.error.issues) {
    const strange = issue.code === "unrecognized_keys" ? issue.keys : [undefined];
    for (const key of strange) {
      const path = key === undefined ? issue.path : [...issue.path, key];
      const message = key === undefined ? issue.message : "no such key; Pulumi.yaml describes all keys";
      context.addIssue({ code: "custom", path, message, input: given });
    }
  }
  return z.NEVER;
});

type Entry = z.infer<typeof entry>;

/** A list, or a single target. */
export const targets = z
  .preprocess(
    (given) => (targetShapeOf(given) ? [given] : given),
    z
      .array(entry, "is missing: list the base URL of every API process, or say where its pods are")
      .min(1, "is empty: list the base URL of every API process, or say where its pods are"),
  )
  .superRefine(refuseDoubles)
  .transform(toTargets);

/** The instances that are listed by URL are one target, if there are any. */
function toTargets(entries: readonly Entry[]): ConfiguredTarget[] {
  const instances = entries.flatMap((one) => (one.kind === "instance" ? [withoutKind(one)] : []));
  const others = entries.filter((one) => one.kind !== "instance");
  const list: Target[] = instances.length > 0 ? [{ kind: "static", name: staticName, instances }] : [];
  return [...list, ...others];
}

function withoutKind({ kind: _kind, ...instance }: z.infer<typeof staticInstance>) {
  return instance;
}

/** A target as the config describes it. */
export type ConfiguredTarget = Target;

/**
 * Names and URLs tell instances apart, and names tell targets apart: one URL under two names would be one process that
 * is counted twice. An entry that is itself wrong may be missing here.
 */
function refuseDoubles(entries: readonly (Entry | undefined)[], context: z.RefinementCtx): void {
  const instances = entries.filter((one) => one?.kind === "instance");
  const targets = entries.filter((one) => one !== undefined && one.kind !== "instance");
  const lists = {
    name: instances.map(({ name }) => name),
    url: instances.map(({ url }) => new URL(url).href.replace(/\/$/, "")),
    target: targets.map(({ name }) => name),
  };
  for (const [key, values] of Object.entries(lists)) {
    const doubles = values.filter((value, index) => values.indexOf(value) !== index);
    for (const value of new Set(doubles)) context.addIssue(`names the ${key} ${value} twice`);
  }
}
