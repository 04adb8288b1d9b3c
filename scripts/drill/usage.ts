export const usage = `npm run drill -- [options]

Rehearses a rotation on this machine: a real Keycloak, real API processes, the real program.

  --mode NAME             emergency (the default): a stolen key is rotated away and shown to be refused everywhere;
                          planned: the realm is adopted, its key is rotated, and both old keys are retired, while users
                          keep logging in and calling every instance. Instead of waiting for the overlaps to end, the
                          drill moves the program's clock ahead
  --instances N           API processes to start (5)
  --misbehave KIND:COUNT  make COUNT of them misbehave in rotation 2; may be given several times:
                          keep-cache, hang, error-500, redirect, refuse, lie-kids; with --sessions also
                          ignore-deny-list, with --freeze ignore-freeze.
                          prefork:COUNT is one instance that is COUNT processes (2 to 32) behind one port, as with
                          gunicorn: a refresh reaches one of them, and none says its name. workers:COUNT is the same,
                          but each names itself (JWKS-Process); with workers:COUNT:shared a refresh reaches all
  --evidence DIR          where to write the evidence (evidence)
  --json FILE             write a machine-readable summary
  --keep                  leave everything running and print where to find it
  --verbose               show every line of the engine's output
  --help                  this text

In emergency mode:

  --sessions              an administrator's session is stolen too: its refresh token gives the thief a token of the
                          new key, until the session is ended and on the deny-list of every instance
  --freeze                administrators can neither write nor log in with admin-cli until the rotation is verified

On Kubernetes, where the instances are pods, reached through the API server:

  --kubernetes            use a real control plane on this machine. The first run builds it, which needs
                          Go 1.26 or later and takes about five minutes
  --strategy NAME         how instances get the new keys: refresh, restart, or refresh-then-restart
                          (the default: an instance that can't be refreshed, or keeps its cache, is restarted)
  --churn                 add 3 pods and delete 2 while the stolen key is rotated away

  A pod misbehaves until it is restarted, as in real life: with --misbehave and the default strategy the drill
  is green, with --strategy refresh it is red.

  Set LAB_KUBECONFIG=FILE to use your own cluster. The drill creates a namespace in it, and deletes it at the end.
  You must provide:
    - permission to create and delete namespaces, Deployments, Secrets and ConfigMaps in it
    - an image jwks-break-glass/sample-api:lab that its nodes have or can pull, with a Node 24, this repository's
      scripts/lab/sample-api and its npm packages, that runs: node scripts/lab/sample-api/server.ts
    - a Keycloak that pods and this machine reach at the same URL: LAB_KEYCLOAK_URL,
      LAB_KEYCLOAK_ADMIN_CLIENT_ID and LAB_KEYCLOAK_ADMIN_CLIENT_SECRET. The lab's own listens on loopback only.
  --misbehave and --freeze do not work there: they need pods whose processes the lab itself runs.

Exit code: 0 verified (in planned mode also: no request of a user failed), 1 not verified, 2 wrong options or the lab
could not start.`;
