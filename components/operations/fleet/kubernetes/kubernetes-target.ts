import type { Instance } from "../instances.ts";

/** Pods of one namespace of one cluster. */
export interface KubernetesTarget {
  kind: "kubernetes";
  /** How it is named in output and evidence. Default: its namespace. */
  name: string;
  namespace: string;
  /** Label selector of the API's pods. */
  selector: string;
  /** The port that the API listens on in its pods, as a number or as the container port's name. */
  port: number | string;
  /** Default: `http`. */
  scheme: "http" | "https";
  /** With `https`: the name in the pods' certificate. Trust comes from NODE_EXTRA_CA_CERTS. */
  serverName?: string | undefined;
  /** What may be restarted, such as `deployment/shop-api`. Default: nothing. */
  workloads: string[];
  /** `port-forward` goes through the API server, `pod-ip` straight to the pod. Default: `port-forward`. */
  transport: "port-forward" | "pod-ip";
  /** Connections that are open to a pod at the same time, where it does not say how many processes it is. Default: 1. */
  connections?: number | undefined;
  /** Milliseconds to wait for a pod that is not ready. Default: 60000. */
  readyTimeoutMs: number;
  /** Path of a kubeconfig. Default: the one of the `kubernetes:` config namespace, KUBECONFIG, or the pod's own account. */
  kubeconfig?: string | undefined;
  /** Default: the kubeconfig's current one. */
  context?: string | undefined;
  /** The Secret that holds the API refresh token, if this program keeps it. */
  secret?: TokenSecret | undefined;
}

/** The Secret that a target's pods read their API refresh token from. */
export interface TokenSecret {
  name: string;
  /** Whether it exists already and is taken over with the token that it has. Default: false, it is created. */
  adopt: boolean;
}

/** A pod as an instance. */
export interface PodInstance extends Instance {
  uid: string;
  pod: PodFacts;
}

/** What is known of a pod that other kinds of instances do not have. */
export interface PodFacts {
  namespace: string;
  port: number;
  /** The container that serves. */
  container: string;
}

export function isPod(instance: Instance): instance is PodInstance {
  return "pod" in instance;
}
