import type { V1Deployment, V1EnvVar, V1PodTemplateSpec } from "@kubernetes/client-node";

/** Pods with this label, and the value `sample-api`, get a process from the pod runner. */
export const appLabel = "jwks-break-glass.lab/app";

/** The port that the sample's pods declare. */
export const samplePort = 8080;

export interface SampleOptions {
  readonly name: string;
  readonly namespace: string;
  /** Default: 1. */
  readonly replicas?: number;
  /** The Secret whose key INTERNAL_JWKS_REFRESH_TOKEN the pods get. Default: none; they have no refresh operation. */
  readonly secretName?: string;
  /** The sample API's environment, such as ISSUER. */
  readonly env?: Readonly<Record<string, string>>;
  /** One that contains `does-not-exist` can't be pulled. */
  readonly image?: string;
}

/** A Deployment of the sample API, as an API team would write it. */
export function sampleDeployment(options: SampleOptions): V1Deployment {
  const { name, namespace, replicas = 1 } = options;
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, namespace, labels: { app: name } },
    spec: { replicas, selector: { matchLabels: { app: name } }, template: sampleTemplate(options) },
  };
}

/** The pods of the sample API, for any kind of workload. */
export function sampleTemplate(options: SampleOptions): V1PodTemplateSpec {
  const { name, image = "jwks-break-glass/sample-api:lab" } = options;
  return {
    metadata: { labels: { app: name, [appLabel]: "sample-api" } },
    spec: {
      terminationGracePeriodSeconds: 5,
      automountServiceAccountToken: false,
      containers: [
        {
          name: "api",
          image,
          imagePullPolicy: "IfNotPresent",
          ports: [{ name: "http", containerPort: samplePort }],
          env: environment(options),
          readinessProbe: { httpGet: { path: "/healthz", port: samplePort }, periodSeconds: 1 },
        },
      ],
    },
  };
}

function environment({ secretName, env = {} }: SampleOptions): V1EnvVar[] {
  const key = "INTERNAL_JWKS_REFRESH_TOKEN";
  return [
    { name: "INSTANCE_NAME", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
    { name: "PORT", value: String(samplePort) },
    { name: "HOST", value: "0.0.0.0" },
    ...(secretName ? [{ name: key, valueFrom: { secretKeyRef: { name: secretName, key } } }] : []),
    ...Object.entries(env).map(([name, value]) => ({ name, value })),
  ];
}
