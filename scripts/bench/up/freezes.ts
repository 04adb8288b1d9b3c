/** What an emergency may freeze. */
export const freezes = ["none", "api", "keycloak", "both"] as const;
export type Freeze = (typeof freezes)[number];
