/** What an internal operation changes in the memory of a process. */
export type Operation =
  | { kind: "refresh" }
  | { kind: "deny-list"; sid: string; denied: boolean }
  | { kind: "freeze"; frozen: boolean };
