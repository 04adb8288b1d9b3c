import { generateKeyPairSync, randomBytes } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Health } from "@kubernetes/client-node";
import { freePort } from "./free-port.ts";
import { readKubeconfig, writeKubeconfig } from "./kubeconfig.ts";
import type { Servers } from "./servers.ts";

export interface ControlPlane {
  readonly server: string;
  /** The certificate that the API server made for itself. */
  readonly caFile: string;
  /** Of an administrator. */
  readonly kubeconfigPath: string;
  readonly servers: Servers;
  /** Kills the API server, and starts it again with the same address, certificate and data. */
  restartApiServer(): Promise<void>;
}

export interface ControlPlaneOptions {
  /** Those that run when this fails are the caller's to stop. */
  readonly servers: Servers;
  /** For data, logs and secrets. */
  readonly directory: string;
  /** Answers who a token stands for. */
  readonly tokenReviewUrl: string;
}

const controllers = [
  "deployment-controller",
  "replicaset-controller",
  "statefulset-controller",
  "daemonset-controller",
  "garbage-collector-controller",
  "namespace-controller",
  "resourcequota-controller",
  "disruption-controller",
];

/** Starts etcd, the API server and the controllers, and waits until the API server is ready. */
export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const { directory, servers } = options;
  const [clientPort, peerPort, port] = await Promise.all([freePort(), freePort(), freePort()]);
  const etcd = `http://127.0.0.1:${clientPort}`;
  const server = `https://127.0.0.1:${port}`;
  const caFile = join(directory, "certificates", "apiserver.crt");
  const token = randomBytes(24).toString("base64url");
  const kubeconfigPath = join(directory, "admin.kubeconfig");
  await writeSecrets(options, token);
  await writeKubeconfig(kubeconfigPath, { server, caFile, user: "lab-admin", token });
  servers.start("etcd", etcdArguments(directory, etcd, `http://127.0.0.1:${peerPort}`));
  const startApiServer = async () => {
    servers.start("kube-apiserver", apiServerArguments(directory, etcd, port));
    await servers.until("kube-apiserver", () => isReady(kubeconfigPath));
  };
  await startApiServer();
  servers.start("kube-controller-manager", controllerArguments(directory, kubeconfigPath));
  const restartApiServer = async () => {
    await servers.stop("kube-apiserver");
    await startApiServer();
  };
  return { server, caFile, kubeconfigPath, servers, restartApiServer };
}

async function writeSecrets(
  { directory, tokenReviewUrl }: ControlPlaneOptions,
  token: string,
): Promise<void> {
  await mkdir(join(directory, "certificates"));
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const pem = privateKey.export({ type: "pkcs8", format: "pem" });
  await writeFile(join(directory, "service-accounts.key"), pem, { mode: 0o600 });
  await writeFile(join(directory, "tokens.csv"), `${token},lab-admin,lab-admin,"system:masters"\n`, {
    mode: 0o600,
  });
  await writeKubeconfig(join(directory, "token-review.kubeconfig"), {
    server: tokenReviewUrl,
    user: "api-server",
    token: "none",
  });
}

function etcdArguments(directory: string, client: string, peer: string): string[] {
  return [
    `--data-dir=${join(directory, "etcd")}`,
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=default=${peer}`,
    // The data is deleted with the lab, so it need not be written safely.
    "--unsafe-no-fsync",
    "--log-level=warn",
  ];
}

function apiServerArguments(directory: string, etcd: string, port: number): string[] {
  const key = join(directory, "service-accounts.key");
  return [
    `--etcd-servers=${etcd}`,
    "--bind-address=127.0.0.1",
    "--advertise-address=127.0.0.1",
    `--secure-port=${port}`,
    `--cert-dir=${join(directory, "certificates")}`,
    "--authorization-mode=RBAC",
    "--anonymous-auth=false",
    `--token-auth-file=${join(directory, "tokens.csv")}`,
    `--authentication-token-webhook-config-file=${join(directory, "token-review.kubeconfig")}`,
    "--authentication-token-webhook-version=v1",
    "--authentication-token-webhook-cache-ttl=1s",
    "--service-account-issuer=https://kubernetes.default.svc",
    `--service-account-key-file=${key}`,
    `--service-account-signing-key-file=${key}`,
    "--service-cluster-ip-range=10.96.0.0/16",
    // There is no controller that makes service accounts, and no pod that needs one.
    "--disable-admission-plugins=ServiceAccount",
    // No pod can reach the API server by its service: its address is on loopback.
    "--endpoint-reconciler-type=none",
    "--kubelet-preferred-address-types=InternalIP",
    "--profiling=false",
  ];
}

function controllerArguments(directory: string, kubeconfig: string): string[] {
  return [
    `--kubeconfig=${kubeconfig}`,
    `--controllers=${controllers.join(",")}`,
    `--cert-dir=${join(directory, "controller-certificates")}`,
    "--secure-port=0",
    "--leader-elect=false",
    "--use-service-account-credentials=false",
    "--kube-api-qps=200",
    "--kube-api-burst=400",
  ];
}

async function isReady(kubeconfigPath: string): Promise<boolean> {
  // Read each time: the server creates the certificate while it starts.
  return new Health(readKubeconfig(kubeconfigPath)).readyz({ timeout: 2_000 });
}
