export interface ProbeSettings {
  /** Path of the probe. Default: `/api/me`. */
  path: string;
  /** Statuses that mean the token was accepted. Default: 200. */
  acceptedStatuses: number[];
  /** Statuses that mean the token was rejected. Default: 401. A 403 may be an accepted token that lacks a role. */
  rejectedStatuses: number[];
  /** Milliseconds for one attempt. Default: 5000. */
  timeoutMs: number;
  /** How often an inconclusive probe is asked. Default: 3. */
  attempts: number;
  /** The clock skew that instances tolerate when they check `exp`, in seconds. Default: 60. */
  clockSkewSeconds: number;
}
