export const usage = `npm run drill -- [options]

Rehearses a rotation on this machine: a real Keycloak, real API processes, the real program.

  --mode NAME             emergency (the default): a key is stolen, rotated away, and shown to be dead;
                          planned: the realm is adopted, its key rotated, and both old keys are retired, while users
                          log in and call every instance all the time. The overlaps are not waited for: the program's
                          clock is moved, and the drill says so
  --instances N           API processes to start (5)
  --misbehave KIND:COUNT  let COUNT of them misbehave in rotation 2; may be given several times:
                          keep-cache, hang, error-500, redirect, refuse, lie-kids; with --sessions also
                          ignore-deny-list, with --freeze ignore-freeze
  --evidence DIR          where the evidence goes (evidence)
  --json FILE             write a summary for machines
  --keep                  leave everything running and print how to look around
  --verbose               show every line of the engine's output
  --help                  this text

Beside an emergency:

  --sessions              an administrator's session is stolen too: its refresh token gives the thief a token of the
                          new key, until the session is ended and every instance has it on its deny-list
  --freeze                administrators can't write, nor log in with admin-cli, until the rotation is verified

On Kubernetes, the processes are pods, reached through the API server:

  --kubernetes            a real control plane on this machine; it needs Go (1.26 or later), which builds it
                          once, in some minutes
  --strategy NAME         how instances come to the new keys: refresh, restart, refresh-then-restart
                          (the default: what can't be refreshed, or keeps its cache, is restarted)
  --churn                 while the stolen key is rotated away, ask for 3 more pods and delete 2

  A pod misbehaves until it is restarted, as in real life: with --misbehave and the default strategy the drill
  is green, with --strategy refresh it is red.

  LAB_KUBECONFIG=FILE takes a cluster of your own instead. The drill makes a namespace in it, and removes it in the
  end. It needs, and does not provide:
    - the right to create and delete namespaces, Deployments, Secrets and ConfigMaps in it
    - an image jwks-break-glass/sample-api:lab that its nodes have or can pull, with a Node 24, this repository's
      scripts/lab/sample-api and its npm packages, that runs: node scripts/lab/sample-api/server.ts
    - a Keycloak that the pods reach by the same URL as this machine: LAB_KEYCLOAK_URL,
      LAB_KEYCLOAK_ADMIN_CLIENT_ID and LAB_KEYCLOAK_ADMIN_CLIENT_SECRET. The lab's own listens on loopback only.
  --misbehave and --freeze are refused there: they need processes that the lab runs itself.

Exit code: 0 verified (and in planned mode, no request of a user failed), 1 not verified, 2 wrong options, or the lab
could not be started.`;
