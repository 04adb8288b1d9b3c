import { createHash } from "node:crypto";

/** The control plane that the lab builds. */
export const versions = { kubernetes: "1.36.3", etcd: "3.6.5", kwok: "0.8.0" } as const;

/** The modules that hold the programs. All are built in one go.mod, so that they share what they compile. */
export const modules = {
  kubernetes: `k8s.io/kubernetes@v${versions.kubernetes}`,
  etcd: `go.etcd.io/etcd/server/v3@v${versions.etcd}`,
  kwok: `sigs.k8s.io/kwok@v${versions.kwok}`,
} as const;

/** Each program's main package. The file that `go build` makes of it has the name of its last part. */
export const programs = {
  etcd: "go.etcd.io/etcd/server/v3",
  "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
  "kube-controller-manager": "k8s.io/kubernetes/cmd/kube-controller-manager",
  kwok: "sigs.k8s.io/kwok/cmd/kwok",
} as const;

export type Program = keyof typeof programs;

export const buildFlags = [
  "-trimpath",
  // The linker drops it anyway (-w): without it, the compiler has a tenth less to do.
  "-gcflags=all=-dwarf=false",
  // Kubernetes asks its own version, which otherwise comes from a Git checkout, to tell which features it has.
  `-ldflags=-s -w -X k8s.io/component-base/version.gitVersion=v${versions.kubernetes}`,
];

/** Names what is built, and how: another version or flag is another directory of the cache. */
export function buildName(): string {
  const content = JSON.stringify([modules, programs, buildFlags]);
  return `${versions.kubernetes}-${createHash("sha256").update(content).digest("hex").slice(0, 8)}`;
}
