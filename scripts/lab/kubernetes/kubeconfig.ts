import { writeFile } from "node:fs/promises";
import { KubeConfig } from "@kubernetes/client-node";
import { stringify } from "yaml";

export interface KubeconfigOptions {
  readonly server: string;
  /** A file with the certificate that the server is to be trusted by. Absent for plain HTTP. */
  readonly caFile?: string;
  readonly user: string;
  readonly token: string;
  readonly namespace?: string;
}

/** Writes a kubeconfig with one context, `lab`, that only its owner may read. */
export async function writeKubeconfig(path: string, options: KubeconfigOptions): Promise<string> {
  const { server, caFile, user, token, namespace } = options;
  const config = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "lab", cluster: { server, ...(caFile ? { "certificate-authority": caFile } : {}) } }],
    users: [{ name: user, user: { token } }],
    contexts: [{ name: "lab", context: { cluster: "lab", user, ...(namespace ? { namespace } : {}) } }],
    "current-context": "lab",
  };
  await writeFile(path, stringify(config), { mode: 0o600 });
  return path;
}

/** Reads a kubeconfig file, for clients. */
export function readKubeconfig(path: string): KubeConfig {
  const config = new KubeConfig();
  config.loadFromFile(path);
  return config;
}
