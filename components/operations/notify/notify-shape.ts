import { z } from "zod";
import { isHttpUrl } from "../keycloak/connection.ts";

/** The events that a webhook can be notified of. */
export const notices = ["start", "verified", "failed"] as const;
export type Notice = (typeof notices)[number];

/** The stack config's `notify`. */
export const notifyShape = z.strictObject(
  {
    url: z
      .string("is missing: set it with --secret to the webhook's URL")
      .refine(isWebhookUrl, "is not an https URL without credentials; http is for loopback only")
      .describe("Secret. Each message is POSTed there, as JSON that Slack and Mattermost accept"),
    on: z
      .array(z.enum(notices, `is not one of ${notices.join(", ")}`))
      .min(1, "is empty: leave it out for all messages")
      .default([...notices])
      .describe(`Which messages are sent, of ${notices.join(", ")}`),
  },
  "is not {url: …, on: […]}",
);

export type NotifySettings = z.infer<typeof notifyShape>;

function isWebhookUrl(text: string): boolean {
  if (!isHttpUrl(text)) return false;
  const { protocol, hostname } = new URL(text);
  return protocol === "https:" || isLoopback(hostname);
}

/** Whether a host is this machine. */
export function isLoopback(hostname: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(hostname);
}
