import { z } from "zod";
import { isHttpUrl } from "../keycloak/connection.ts";

/** What can be told to a webhook. */
export const notices = ["start", "verified", "failed"] as const;
export type Notice = (typeof notices)[number];

/** The stack config's `notify`. */
export const notifyShape = z.strictObject(
  {
    url: z
      .string("is missing: set it with --secret to the webhook's URL")
      .refine(isWebhookUrl, "is not an https URL without credentials; http is for loopback only")
      .describe("Secret. Gets each message as a POST of JSON that Slack and Mattermost take"),
    on: z
      .array(z.enum(notices, `is not one of ${notices.join(", ")}`))
      .min(1, "is empty: leave it out for all messages")
      .default([...notices])
      .describe(`Which messages, of ${notices.join(", ")}`),
  },
  "is not {url: …, on: […]}",
);

export type NotifySettings = z.infer<typeof notifyShape>;

function isWebhookUrl(text: string): boolean {
  if (!isHttpUrl(text)) return false;
  const { protocol, hostname } = new URL(text);
  return protocol === "https:" || isLoopback(hostname);
}

/** Whether what is sent to a host stays on this machine. */
export function isLoopback(hostname: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(hostname);
}
