interface CodeEntry {
  /** What has happened, and, where it matters, what the state of the keys is now. */
  means: string;
  /** What to do; the message itself says it for the case at hand. */
  next: string;
}

const nothing = "Nothing was touched.";
const sameUp = "then run the same `up` again";

/** Every code that this program can fail with. Codes are stable: alerts and runbooks may match on them. */
export const errorCodes = {
  SETTINGS_INVALID: {
    means: `The config, the login, a role or the realm does not allow a rotation; the message lists every problem. ${nothing}`,
    next: `fix every listed problem, ${sameUp}`,
  },
  KEYCLOAK_UNREACHABLE: {
    means: "Keycloak did not answer in time, refused the connection, or answered a login with 5xx.",
    next: `check \`keycloak:url\` and that Keycloak is running, ${sameUp}: it continues where it stopped`,
  },
  KEYCLOAK_LOGIN_REFUSED: {
    means: "Keycloak refused the admin client's login.",
    next: "check `keycloak:clientId`, `keycloak:clientSecret` and `keycloak:realm`",
  },
  KEYCLOAK_ROLE_MISSING: {
    means: "The admin client lacks a role in the realm; the message names it.",
    next: "grant it to the client's service account",
  },
  KEYCLOAK_UNEXPECTED_ANSWER: {
    means: "Keycloak answered with an unexpected status or body.",
    next: `check Keycloak's log, and that no proxy answers with an error page of its own, ${sameUp}`,
  },
  REALM_NOT_FOUND: {
    means: "There is no realm with that name.",
    next: "set `realm` to the realm's name, not its id or display name",
  },
  REALM_REFUSED: {
    means:
      "One of several realms can't be rotated. Nothing in it was touched; the other realms were rotated.",
    next: `fix every listed problem, ${sameUp}`,
  },
  ALGORITHM_NOT_COVERED: {
    means:
      "An enabled key signs an algorithm that is not in `algorithms`, so its retirement could not be proven.",
    next: "add the algorithm to `algorithms`, or the key to `exemptKeys` if it must stay trusted",
  },
  ROTATION_WENT_BACK: {
    means: "`rotation` is lower than the latest rotation of the realm.",
    next: "set it to the number in the message, or to one more to rotate",
  },
  KEY_NAME_TAKEN: {
    means: "A key provider with the name of the new key exists already, and is disabled or of another kind.",
    next: "bump `rotation`; a disabled key is never enabled again",
  },
  LEASE_HELD: {
    means:
      "Another run is changing the keys of this realm; the message says whose. An emergency waits for another emergency only, and never for a planned rotation.",
    next: "wait for that run to end, or stop it; to take its lease over, set `takeOverLease` to the id in the message",
  },
  LEASE_LOST: {
    means:
      "Another run took the realm's lease over while this one was under way, so this one stopped before its next change of a key.",
    next: "look at the other run; if yours is still wanted, run the same `up` again when that has ended",
  },
  ENGINE_GONE: {
    means:
      "Pulumi's engine is gone, for example killed, and the provider process that it left stopped before its next change of a key.",
    next: `run \`pulumi cancel\` if the stack is locked, ${sameUp}`,
  },
  ROTATION_OVERTAKEN: {
    means:
      "While this rotation was under way, a key of a later one came up in the realm, or another of the same. Keys of later rotations are never disabled by an earlier one. In an emergency the old keys are disabled all the same.",
    next: "find out who rotates the realm beside you, set `rotation` to one more than the highest, and run `up` again",
  },
  KEY_NOT_OURS: {
    means:
      "A key of this rotation is in the realm already, and this stack's state knows nothing of it: another stack made it, or the state was lost. In an emergency it may be the stolen one, unless it is marked with the same incident.",
    next: "set `rotation` to one more",
  },
  KEY_NOT_PUBLISHED: {
    means: "Keycloak does not have the new key as it was requested. No old key was disabled.",
    next: "do what the message says: delete the key provider, or bump `rotation`",
  },
  KEY_NOT_ACTIVE: {
    means: "The new key does not sign, although it was made active. No old key was disabled.",
    next: `find out who else changes the realm's keys, ${sameUp}`,
  },
  NODES_DISAGREE: {
    means:
      "Some Keycloak nodes still show the state from before a change. The change itself was made; the message says what it was.",
    next: `clear the realm cache of the node that is behind, or restart it, ${sameUp}`,
  },
  ROLLBACK_IMPOSSIBLE: {
    means: "No earlier key is still trusted.",
    next: "bump `rotation` to make a new key; a disabled key is never enabled again",
  },
  ANNOUNCE_FAILED: {
    means:
      "Planned mode: not every instance has loaded the new keys, which do not sign yet. Users notice nothing.",
    next: `repair the named instances or remove them from \`targets\`, ${sameUp}`,
  },
  PRIORITY_EXHAUSTED: {
    means: "A key provider already has the highest possible priority, so no new key can be placed above it.",
    next: `lower its priority in Keycloak's console, ${sameUp}`,
  },
  CANARY_EXPIRED: {
    means: "Planned mode: the canary tokens have expired and prove nothing. No key was disabled.",
    next: "bump `rotation`, which mints new canary tokens",
  },
  CUTOVER_UNSETTLED: {
    means:
      "Signing keys keep appearing while old ones are disabled: a client asks for an algorithm that has no key.",
    next: `find the client (the \`fallback-*\` key names the algorithm), add that algorithm to \`algorithms\`, ${sameUp}`,
  },
  JWKS_UNREADABLE: {
    means: "A JWKS URL does not answer with a key set; verifiers can't fetch it either.",
    next: `check \`jwksUris\`, ${sameUp}`,
  },
  JWKS_NOT_CURRENT: {
    means:
      "A JWKS URL still shows an older key set. In an emergency the keys are disabled and the instances were refreshed.",
    next: `purge the cache in front of it, or raise \`jwksTimeoutSeconds\` to the maximum age of that cache, ${sameUp}`,
  },
  TOKEN_NOT_MINTED: {
    means: "Keycloak did not issue a token for a probe, or signed it with another key than expected.",
    next: `do what the message says, ${sameUp}`,
  },
  BASELINE_REJECTED: {
    means:
      "Planned mode: no instance accepts a valid token, so a later rejection would prove nothing. No key was changed.",
    next: "set `probe.audience`, `probe.realmRoles` and `probe.path` to what the API requires",
  },
  BASELINE_INCOMPLETE: {
    means: "Planned mode: an instance does not accept a valid token. No key was changed.",
    next: `repair the named instances or remove them from \`targets\`, ${sameUp}`,
  },
  PROBE_TAKES_FORGERIES: {
    means:
      "Planned mode: an instance accepts a token with a wrong signature, so its answers prove nothing. No key was changed.",
    next: "set `probe.path` to an operation that checks the token in the API's own process, and `probe.acceptedStatuses` and `probe.rejectedStatuses` to what it answers",
  },
  NO_INSTANCES: {
    means:
      "A target has no instance. In planned mode no key was changed; an emergency disables the keys regardless.",
    next: "fix the target's namespace and selector, or remove it from `targets`",
  },
  PODS_NOT_STABLE: {
    means: "New pods keep appearing, and some of them were not probed.",
    next: `find what replaces them (a crash loop, an autoscaler), ${sameUp}`,
  },
  KUBECONFIG_INVALID: {
    means: "There is no kubeconfig, or it has no such context.",
    next: "set `kubernetes:kubeconfig` and `kubernetes:context`, or those of the target",
  },
  KUBERNETES_UNREACHABLE: {
    means: "The cluster's API server does not answer. In an emergency the keys are disabled regardless.",
    next: `check the cluster and the network to it, ${sameUp}`,
  },
  KUBERNETES_LOGIN_REFUSED: {
    means: "The API server refuses the kubeconfig's credentials.",
    next: `log in again, ${sameUp}`,
  },
  KUBERNETES_FORBIDDEN: {
    means: "The kubeconfig's user lacks rights; the message lists them.",
    next: "grant the rights in `docs/kubernetes-rbac.yaml`",
  },
  KUBERNETES_UNEXPECTED_ANSWER: {
    means: "The API server answered with an unexpected status.",
    next: "check the target's namespace, selector, port and workloads",
  },
  WORKLOAD_NOT_RESTARTABLE: {
    means:
      "An instance must be restarted, but its workload is not listed, does not exist, is paused, or updates only on delete.",
    next: `list it in \`workloads\`, or restart it by hand, ${sameUp}`,
  },
  ROLLOUT_STUCK: {
    means: "A rolling restart does not finish; the message says why (image, quota, crash loop, …).",
    next: `fix the cause, ${sameUp}: it joins the rollout that is under way`,
  },
  RESTART_FAILED: {
    means: "`restart.command` failed, or the instance did not answer after it.",
    next: `run that command by hand to see why, ${sameUp}`,
  },
  BOOTSTRAP_NOT_SEEN: {
    means:
      "The start-up log of a restarted instance shows no JWKS bootstrap; the message has its last lines.",
    next: "find out why it can't fetch the keys, or set `restart.bootstrapPattern` to the line that the API writes",
  },
  SECRET_EXISTS: {
    means: `The Secret for the API refresh token exists already and is not managed by this stack. ${nothing}`,
    next: "set `secret.adopt: true` to take it over, or choose another name",
  },
  API_REFRESH_TOKEN_NOT_TAKEN: {
    means: "Pods do not accept the current API refresh token after their restart.",
    next: "check that they read INTERNAL_JWKS_REFRESH_TOKEN from the Secret, and that their workload is listed",
  },
  THAW_INCOMPLETE: {
    means: "The rotation is proven, but something that was frozen could not be thawed.",
    next: `repair what the message names, ${sameUp}; the keys are not affected`,
  },
  ADMIN_PROBE_LEFT: {
    means: "The administrator that was created for the probe could not be deleted after the run.",
    next: "delete the named user and client in Keycloak's console, or run the same `up` again",
  },
  USER_NOT_FOUND: {
    means: "`sessions.revoke` names a user or role that the realm does not have. No session was ended.",
    next: "fix `sessions.revoke`",
  },
  ROLE_NOT_FOUND: {
    means: "`sessions.adminProbe.realmRoles` names a role that the realm does not have.",
    next: "set it to the realm roles that make a user an administrator in the API",
  },
  VERIFICATION_FAILED: {
    means:
      "The keys are rotated, but not every instance is proven. The stack stays red until a later run proves them.",
    next: `read the reason for each named instance, repair it, ${sameUp}; bump \`rotation\` only if the message says so`,
  },
  RELAPSED: {
    means:
      "Every instance was proven, and then a retired key came back: an instance accepts it again, or a JWKS URL shows it again. What was frozen stays frozen, and the stack stays red until a later run proves that it is gone.",
    next: `find the stale cache behind what the message names (a CDN edge, a proxy, one Keycloak node of several) and clear it, ${sameUp}`,
  },
  KILL_REFUSED: {
    means: `\`npm run kill\` did not start: the config, a secret, the login, the realm or the confirmation is not as it must be; the message lists every problem. ${nothing}`,
    next: "fix every listed problem, then run the same command again",
  },
  PROOF_ELSEWHERE: {
    means:
      "`npm run kill` found no key left to disable, and nothing in the realm shows that the instances reject the disabled ones. An `up` has disabled them.",
    next: "run that `up` again as soon as its backend is back: its state has the canary tokens; or restart every instance",
  },
  EVIDENCE_NOT_WRITTEN: {
    means: "The evidence bundle could not be written.",
    next: `make \`evidenceDir\` writable, ${sameUp}`,
  },
} as const satisfies Record<string, CodeEntry>;

/** A code that this program can fail with. */
export type ErrorCode = keyof typeof errorCodes;
