interface CodeEntry {
  /** What has happened, and where it matters what has become of the keys. */
  means: string;
  /** What the reader should do; the message itself says it for the case at hand. */
  next: string;
}

const nothing = "Nothing was touched.";
const sameUp = "run the same `up` again";

/** Every code that this program can fail with, for people to look up. Codes are stable: alerts and runbooks may match on them. */
export const errorCodes = {
  SETTINGS_INVALID: {
    means: `The config, the login, a role or the realm is not fit for a rotation; the message lists every problem. ${nothing}`,
    next: `mend what is listed, ${sameUp}`,
  },
  KEYCLOAK_UNREACHABLE: {
    means: "Keycloak gave no answer in time, refused the connection, or answered 5xx to a login.",
    next: `check \`keycloak:url\` and that Keycloak is up, ${sameUp}: it goes on where it was`,
  },
  KEYCLOAK_LOGIN_REFUSED: {
    means: "Keycloak refused the admin client's login.",
    next: "check `keycloak:clientId`, `keycloak:clientSecret` and `keycloak:realm`",
  },
  KEYCLOAK_ROLE_MISSING: {
    means: "The admin client lacks a role for the realm; the message names it.",
    next: "give it to the client's service account",
  },
  KEYCLOAK_UNEXPECTED_ANSWER: {
    means: "Keycloak answered with a status or a body that it should not.",
    next: `look into Keycloak's log, check that no proxy's error page is in between, ${sameUp}`,
  },
  REALM_NOT_FOUND: {
    means: "There is no realm of that name.",
    next: "set `realm` to the realm's name, not its id or display name",
  },
  REALM_REFUSED: {
    means:
      "One realm of several is not fit for a rotation. Nothing of it was touched; the others were not held up.",
    next: `mend what is listed, ${sameUp}`,
  },
  ALGORITHM_NOT_COVERED: {
    means: "An enabled key signs an algorithm that is not in `algorithms`, so its death could not be proven.",
    next: "add it to `algorithms`, or the key to `exemptKeys` if it must stay trusted",
  },
  ROTATION_WENT_BACK: {
    means: "`rotation` is lower than one that the realm has had.",
    next: "set it to the number in the message, or one more to rotate",
  },
  KEY_NAME_TAKEN: {
    means: "The rotation's key is there already, disabled or of another kind.",
    next: "bump `rotation`; a disabled key is never enabled again",
  },
  KEY_NOT_PUBLISHED: {
    means: "A new key is not in the realm as it should be. No old key was disabled.",
    next: "do what the message says: delete the key provider, or bump `rotation`",
  },
  KEY_NOT_ACTIVE: {
    means: "The new key does not sign, though it was made active. No old key was disabled.",
    next: `look for someone else changing the realm's keys, ${sameUp}`,
  },
  NODES_DISAGREE: {
    means:
      "Some Keycloak nodes still show the state from before a change. The change itself was made; the message says what it was.",
    next: `clear the realm cache of the node that is behind, or restart it, ${sameUp}`,
  },
  ROLLBACK_IMPOSSIBLE: {
    means: "No earlier key is trusted any more.",
    next: "bump `rotation` to make a new one; a disabled key is never enabled again",
  },
  ANNOUNCE_FAILED: {
    means:
      "Planned mode: not every instance could be told of the new keys, which do not sign yet. Users notice nothing.",
    next: `repair what is named or take it out of \`instances\`, ${sameUp}`,
  },
  PRIORITY_EXHAUSTED: {
    means: "A key provider has the highest priority there is, so that none can be above it.",
    next: `lower its priority in Keycloak's console, ${sameUp}`,
  },
  CANARY_EXPIRED: {
    means: "The canaries are too old to prove anything. No key was disabled.",
    next: "bump `rotation`, which mints new ones",
  },
  CUTOVER_UNSETTLED: {
    means:
      "Signing keys keep appearing while old ones are disabled: somebody asks for an algorithm that has no key.",
    next: `find the client (a \`fallback-*\` key names the algorithm), add it to \`algorithms\`, ${sameUp}`,
  },
  JWKS_UNREADABLE: {
    means: "A JWKS URL does not answer with a key set; verifiers can't fetch it either.",
    next: `check \`jwksUris\`, ${sameUp}`,
  },
  JWKS_NOT_CURRENT: {
    means: "A JWKS URL goes on showing an older set. The keys are rotated; no instance was told yet.",
    next: `purge the cache in front of it, or raise \`jwksTimeoutSeconds\` to its maximum age, ${sameUp}`,
  },
  TOKEN_NOT_MINTED: {
    means: "Keycloak did not give a probe its token, or signed it with another key than asked for.",
    next: `do what the message says, ${sameUp}`,
  },
  BASELINE_REJECTED: {
    means: `No instance accepts a valid token, so a rejection later would prove nothing. No key was changed.`,
    next: "set `probe.audience`, `probe.realmRoles` and `probe.path` to what the API demands",
  },
  BASELINE_INCOMPLETE: {
    means: "Planned mode: an instance does not accept a valid token now. No key was changed.",
    next: `repair what is named or take it out of \`instances\`, ${sameUp}`,
  },
  NO_INSTANCES: {
    means: "A target has no instance. No key was changed.",
    next: "mend the target's namespace and selector, or take it out of `instances`",
  },
  PODS_NOT_STABLE: {
    means: "New pods keep appearing, and some were not asked.",
    next: `find what replaces them (a crash loop, an autoscaler), ${sameUp}`,
  },
  KUBECONFIG_INVALID: {
    means: "There is no kubeconfig, or no such context in it.",
    next: "set `kubernetes:kubeconfig` and `kubernetes:context`, or those of the target",
  },
  KUBERNETES_UNREACHABLE: {
    means: "The cluster's API server gives no answer. In an emergency the keys die all the same.",
    next: `check the cluster and the network to it, ${sameUp}`,
  },
  KUBERNETES_LOGIN_REFUSED: {
    means: "The API server does not take the kubeconfig's credentials.",
    next: `log in again, ${sameUp}`,
  },
  KUBERNETES_FORBIDDEN: {
    means: "The kubeconfig's user lacks rights; the message lists them.",
    next: "grant them, as `docs/kubernetes-rbac.yaml` does",
  },
  KUBERNETES_UNEXPECTED_ANSWER: {
    means: "The API server answered with a status that it should not.",
    next: "check the target's namespace, selector, port and workloads",
  },
  WORKLOAD_NOT_RESTARTABLE: {
    means:
      "An instance must be restarted, and its workload is not listed, not there, paused, or updates on delete only.",
    next: `list it in \`workloads\`, or restart it by hand; then ${sameUp}`,
  },
  ROLLOUT_STUCK: {
    means: "A rolling restart does not end; the message says why (image, quota, crash loop, …).",
    next: `mend what it names, ${sameUp}: it joins the roll-out`,
  },
  RESTART_FAILED: {
    means: "`restart.command` failed, or the instance did not answer after it.",
    next: `run that command by hand to see why, ${sameUp}`,
  },
  BOOTSTRAP_NOT_SEEN: {
    means: "A restarted instance's log shows no JWKS bootstrap; its last lines are in the message.",
    next: "see why it can't fetch the keys, or set `restart.bootstrapPattern` to the line that it writes",
  },
  SECRET_EXISTS: {
    means: `The API refresh token's Secret is there already, and is not this stack's. ${nothing}`,
    next: "set `secret.adopt: true` to take it over, or give another name",
  },
  REFRESH_TOKEN_NOT_TAKEN: {
    means: "Pods do not have the present API refresh token after their restart.",
    next: "see that they read INTERNAL_JWKS_REFRESH_TOKEN from the Secret, and that their workload is listed",
  },
  THAW_INCOMPLETE: {
    means: "The rotation is proven, and something that was frozen could not be thawed.",
    next: `repair what is named, ${sameUp}; the keys are not affected`,
  },
  ADMIN_PROBE_LEFT: {
    means: "The probe's administrator could not be deleted after the run.",
    next: `delete the user and the client that it names in Keycloak's console, or ${sameUp}`,
  },
  USER_NOT_FOUND: {
    means: "`sessions.revoke` names a user or role that the realm does not have. No session was ended.",
    next: "mend `sessions.revoke`",
  },
  ROLE_NOT_FOUND: {
    means: "`sessions.adminProbe.realmRoles` names a role that the realm does not have.",
    next: "set it to the realm roles that the API takes for an administrator's",
  },
  VERIFICATION_FAILED: {
    means:
      "The keys are rotated, and not every instance is proven. It stays red until a later run proves it.",
    next: `read the named instances' reasons, repair them, ${sameUp}; bump \`rotation\` only where the message says so`,
  },
  EVIDENCE_NOT_WRITTEN: {
    means: "The bundle could not be written.",
    next: `make \`evidenceDir\` writable, ${sameUp}`,
  },
} as const satisfies Record<string, CodeEntry>;

/** A code that this program can fail with. */
export type ErrorCode = keyof typeof errorCodes;
