/** Pods of one namespace of one cluster. */
export interface KubernetesTarget {
  kind: "kubernetes";
  /** How it is called in output and evidence. Default: its namespace. */
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
  /** What may be restarted, as `deployment/shop-api`. Default: nothing. */
  workloads: string[];
  /** `port-forward` goes through the API server, `pod-ip` straight to the pod. Default: `port-forward`. */
  transport: "port-forward" | "pod-ip";
  /** Milliseconds that a pod that is not ready is waited for. Default: 60000. */
  readyTimeoutMs: number;
  /** Path of a kubeconfig. Default: the one of the `kubernetes:` config namespace, KUBECONFIG, or the pod's own account. */
  kubeconfig?: string | undefined;
  /** Default: the kubeconfig's current one. */
  context?: string | undefined;
}
